import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { unavailable } from '../../errors/tessera-error.ts';
import { createFile, readIfThere } from './durable-file.ts';
import { KEY_BYTES, type SealingKey, toSealingKey } from './sealed-entry.ts';

/** The key file: 32 random bytes in base64 and a newline. Text, so that copying it by hand or through a terminal does not break it. */
const KEY_FILE = /^([A-Za-z0-9+/]{43}=)\n?$/;

/**
 * @returns undefined when there is no such file
 * @throws TesseraError `temporarily_unavailable` if it is not a key file, or if anyone but its owner may read it
 */
export async function readKeyFile(file: string): Promise<SealingKey | undefined> {
  const content = await readIfThere(file);
  if (content === undefined) return undefined;
  // Like ssh with private keys: a key that others could read may be known already.
  if (((await stat(file)).mode & 0o077) !== 0)
    throw unavailable('vault', 'the key file must have mode 0600', undefined, `chmod 600 ${file}`);
  const encoded = KEY_FILE.exec(content.toString('latin1'))?.[1];
  if (encoded === undefined) throw unavailable('vault', 'the key file is malformed');
  return toSealingKey(Buffer.from(encoded, 'base64'));
}

/** Only for a store without entries: existing entries cannot be decrypted with a new key. */
export async function createKeyFile(file: string): Promise<SealingKey> {
  const bytes = randomBytes(KEY_BYTES);
  await createFile(file, Buffer.from(`${bytes.toString('base64')}\n`, 'latin1'));
  return toSealingKey(bytes);
}
