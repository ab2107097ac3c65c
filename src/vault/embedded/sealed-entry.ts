import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import type { VaultPath } from '../vault-path.ts';
import type { VaultEntry } from '../vault.service.ts';

/**
 * One entry of the embedded store as bytes: AES-256-GCM with a random nonce. Path and version are authenticated with the content, so a file that was
 * moved to another path or whose version was edited cannot be opened.
 *
 *     magic 4 | key id 8 | version 4, big-endian | nonce 12 | ciphertext | tag 16
 */
const MAGIC = Buffer.from('TSV1', 'latin1');
const KEY_ID_BYTES = 8;
const VERSION_AT = MAGIC.length + KEY_ID_BYTES;
const NONCE_AT = VERSION_AT + 4;
const NONCE_BYTES = 12;
const CIPHERTEXT_AT = NONCE_AT + NONCE_BYTES;
const TAG_BYTES = 16;

export const KEY_BYTES = 32;

export interface SealingKey {
  /** Distinguishes a wrong key from a damaged entry. Reveals nothing about the key. */
  readonly id: Buffer;
  readonly key: KeyObject;
}

/** Why an entry cannot be opened. */
export type SealFault = 'other key' | 'damaged';

export function toSealingKey(bytes: Buffer): SealingKey {
  const id = createHmac('sha256', bytes).update('tessera vault key id').digest().subarray(0, KEY_ID_BYTES);
  return { id, key: createSecretKey(bytes) };
}

export function sealEntry({ id, key }: SealingKey, path: VaultPath, { version, data }: VaultEntry): Buffer {
  const header = Buffer.alloc(CIPHERTEXT_AT);
  MAGIC.copy(header);
  id.copy(header, MAGIC.length);
  header.writeUInt32BE(version, VERSION_AT);
  const nonce = randomBytes(NONCE_BYTES);
  nonce.copy(header, NONCE_AT);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associatedData(header, path));
  const ciphertext = cipher.update(JSON.stringify(data), 'utf8');
  return Buffer.concat([header, ciphertext, cipher.final(), cipher.getAuthTag()]);
}

export function openEntry(sealingKey: SealingKey, path: VaultPath, sealed: Buffer): VaultEntry | SealFault {
  if (sealed.length < CIPHERTEXT_AT + TAG_BYTES || !sealed.subarray(0, MAGIC.length).equals(MAGIC)) return 'damaged';
  if (!isSealedWith(sealingKey, sealed)) return 'other key';
  const header = sealed.subarray(0, CIPHERTEXT_AT);
  const decipher = createDecipheriv('aes-256-gcm', sealingKey.key, header.subarray(NONCE_AT), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(associatedData(header, path));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  let text: string;
  try {
    const ciphertext = sealed.subarray(CIPHERTEXT_AT, sealed.length - TAG_BYTES);
    text = decipher.update(ciphertext, undefined, 'utf8') + decipher.final('utf8');
  } catch {
    return 'damaged';
  }
  // The tag was verified, so this is what sealEntry wrote.
  return { version: header.readUInt32BE(VERSION_AT), data: JSON.parse(text) as VaultEntry['data'] };
}

/** Whether this key sealed the entry, according to its header. */
export function isSealedWith({ id }: SealingKey, sealed: Buffer): boolean {
  return sealed.subarray(MAGIC.length, VERSION_AT).equals(id);
}

function associatedData(header: Buffer, path: VaultPath): Buffer {
  return Buffer.concat([header.subarray(0, NONCE_AT), Buffer.from(path, 'latin1')]);
}
