import { type KeyObject, sign } from 'node:crypto';

/** The parts of a deliberately malformed token. */
export interface ForgedParts {
  /** An object, or the exact JSON text. */
  readonly header: object | string;
  readonly payload: object | string;
  readonly sign: (signingInput: Buffer) => Buffer;
}

export function forge({ header, payload, sign: signer }: ForgedParts): string {
  const signingInput = `${encode(header)}.${encode(payload)}`;
  return `${signingInput}.${signer(Buffer.from(signingInput)).toString('base64url')}`;
}

/** Signs as the key's type does. */
export function signer(privateKey: KeyObject): (signingInput: Buffer) => Buffer {
  const type = privateKey.asymmetricKeyType;
  if (type === 'ec') return (input) => sign('sha256', input, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return (input) => sign(type === 'rsa' ? 'sha256' : null, input, privateKey);
}

export function encode(part: object | string): string {
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
}
