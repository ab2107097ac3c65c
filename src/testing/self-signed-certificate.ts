import { generateKeyPairSync, type KeyObject, type KeyPairKeyObjectResult, randomBytes, sign } from 'node:crypto';

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = '2a8648ce3d040302';

export interface Certified {
  /** PEM. */
  readonly key: string;
  /** PEM. */
  readonly cert: string;
}

/** Epoch milliseconds. */
export interface Validity {
  readonly from: number;
  readonly to: number;
}

/** An authority that no machine trusts, such as a company has for its own network. */
export interface CertificateAuthority {
  /** PEM. */
  readonly cert: string;
  /** A certificate for a host name, by default valid for a day. */
  issue(hostname: string, validity?: Validity): Certified;
}

/**
 * Makes a self-signed certificate for one host name, valid for a day. Encoded here in DER (RFC 5280, section 4.1), so that the repository needs no
 * private key and tests need no other program.
 */
export function selfSignedCertificate(hostname: string): Certified {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return certified(keys, { ...keys, name: hostname }, [alternativeName(hostname), IS_AUTHORITY], aroundNow());
}

export function certificateAuthority(name: string): CertificateAuthority {
  const authority = { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }), name };
  return {
    cert: certified(authority, authority, [IS_AUTHORITY], aroundNow()).cert,
    issue: (hostname, validity = aroundNow()) => {
      const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      return certified(keys, authority, [alternativeName(hostname)], validity, hostname);
    },
  };
}

interface Signer {
  readonly privateKey: KeyObject;
  readonly name: string;
}

function certified(
  keys: KeyPairKeyObjectResult,
  signer: Signer,
  extensions: readonly Buffer[],
  { from, to }: Validity,
  subject = signer.name,
): Certified {
  const algorithm = sequence(objectId(ECDSA_WITH_SHA256));
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    commonName(signer.name),
    sequence(time(from), time(to)),
    commonName(subject),
    keys.publicKey.export({ format: 'der', type: 'spki' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', toBeSigned, signer.privateKey);
  const certificate = sequence(toBeSigned, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = certificate.toString('base64').replace(/.{64}/g, '$&\n');
  return {
    key: keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}

function aroundNow(): Validity {
  return { from: Date.now() - DAY_MS, to: Date.now() + DAY_MS };
}

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(objectId('550403'), der(0x0c, Buffer.from(name)))));
}

function alternativeName(hostname: string): Buffer {
  return sequence(objectId('551d11'), der(0x04, sequence(der(0x82, Buffer.from(hostname)))));
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const lengthBytes = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...lengthBytes]), content]);
}

function sequence(...items: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(items));
}

function objectId(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

/** GeneralizedTime, which is valid for every year. */
function time(ms: number): Buffer {
  return der(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/\D/g, '').slice(0, 14)}Z`));
}

const IS_AUTHORITY = sequence(objectId('551d13'), der(0x04, sequence(der(0x01, Buffer.from([0xff])))));
