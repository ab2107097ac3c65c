import { type KeyObject, sign } from 'node:crypto';
import { derToJws } from '../../libs/token/src/keys/ecdsa-encoding.ts';

/** In base64url. Not by `dsaEncoding`, which on Node.js 24 takes longer than the signature: the baselines would be slow there for no reason of theirs. */
export function signEs256(input: string, key: KeyObject): string {
  return derToJws(sign('sha256', Buffer.from(input), key), 32).toString('base64url');
}
