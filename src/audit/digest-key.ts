import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { TenantId } from '../domain/ids.ts';
import { unavailable } from '../errors/tessera-error.ts';
import { digestKeyPath } from '../vault/vault-path.ts';
import { VaultConflict, type VaultEntry, type VaultService } from '../vault/vault.service.ts';

/** The part of the secret store that is used here. */
export type DigestKeyVault = Pick<VaultService, 'read' | 'write'>;

/** The key of a tenant's subject digests. A KeyObject prints no bytes. */
export type DigestKey = KeyObject;

const KEY_BYTES = 32;
const ENCODED = /^[A-Za-z0-9_-]{43}$/;

/**
 * Reads the Vault entry `audit/<tenant>`: `{ digest_key }`, 32 bytes in base64url.
 *
 * @returns undefined only if the store says that there is none
 * @throws TesseraError temporarily_unavailable, also if it is malformed
 */
export async function readDigestKey(vault: DigestKeyVault, tenantId: TenantId): Promise<DigestKey | undefined> {
  const entry = await vault.read(digestKeyPath(tenantId));
  return entry === undefined ? undefined : parse(entry);
}

/** Makes the key at its first use. Unlike a signing key, no verifier has to know it before. */
export async function readOrCreateDigestKey(vault: DigestKeyVault, tenantId: TenantId): Promise<DigestKey> {
  const stored = await readDigestKey(vault, tenantId);
  if (stored !== undefined) return stored;
  const bytes = randomBytes(KEY_BYTES);
  try {
    await vault.write(digestKeyPath(tenantId), { digest_key: bytes.toString('base64url') }, 0);
    return createSecretKey(bytes);
  } catch (error) {
    if (!(error instanceof VaultConflict)) throw error;
    // Another replica was first: its key counts.
    const first = await readDigestKey(vault, tenantId);
    if (first === undefined) throw unavailable('vault', 'the entry is malformed');
    return first;
  }
}

function parse({ data }: VaultEntry): DigestKey {
  const { digest_key: encoded } = data;
  if (typeof encoded !== 'string' || !ENCODED.test(encoded)) throw unavailable('vault', 'the entry is malformed');
  return createSecretKey(Buffer.from(encoded, 'base64url'));
}
