import { createHmac } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type CachesConfig } from '../config/config.ts';
import { Clock } from '../domain/clock.ts';
import type { CanonicalEmail } from '../domain/email.ts';
import type { TenantId } from '../domain/ids.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { Log } from '../logging/log.ts';
import { within } from '../runtime/deadline.ts';
import { isLater } from '../runtime/awaitable.ts';
import { SingleFlightCache } from '../runtime/single-flight-cache.ts';
import { VaultService } from '../vault/vault.service.ts';
import { type DigestKey, type DigestKeyVault, readOrCreateDigestKey } from './digest-key.ts';

/** The record of a refusal must not wait longer for the secret store. */
const WAIT_MS = 2_000;
/** After a restore of the secret store, running servers use the restored key this soon. */
const MAX_AGE_MS = 10 * 60_000;
/** How long a failure is remembered. */
const ASK_AGAIN_MS = 60_000;

/**
 * The digest that stands in an audit record for an address that nobody has: whoever knows the address and may read the secret store can find the
 * record, and nobody can find the address from the record.
 */
export function subjectDigest(key: DigestKey, tenantId: TenantId, email: CanonicalEmail): string {
  return createHmac('sha256', key).update(`${tenantId}\n${email}`).digest('base64url');
}

/** Makes the digests of a server, with the tenants' keys in memory. */
@Injectable()
export class SubjectDigests {
  readonly #vault: DigestKeyVault;
  readonly #log: Log;
  readonly #keys: SingleFlightCache<TenantId, DigestKey | undefined>;

  constructor(
    @Inject(VaultService) vault: DigestKeyVault,
    clock: Clock,
    log: Log,
    @Inject(CONFIG) { caches }: { readonly caches: Pick<CachesConfig, 'tenants'> },
  ) {
    this.#vault = vault;
    this.#log = log;
    this.#keys = new SingleFlightCache<TenantId, DigestKey | undefined>({
      clock,
      maxAgeMs: MAX_AGE_MS,
      maxEntries: caches.tenants,
      // A secret store that fails or refuses is not asked for every unknown address.
      absent: { maxEntries: caches.tenants, maxAgeMs: ASK_AGAIN_MS },
    });
  }

  /** Never rejects. @returns undefined if the secret store does not give the key in time */
  async of(tenantId: TenantId, email: CanonicalEmail): Promise<string | undefined> {
    const key = this.#keys.get(tenantId, () => this.#read(tenantId));
    const known = isLater(key) ? await within(WAIT_MS, key, () => undefined) : key;
    return known === undefined ? undefined : subjectDigest(known, tenantId, email);
  }

  async #read(tenantId: TenantId): Promise<DigestKey | undefined> {
    try {
      return await readOrCreateDigestKey(this.#vault, tenantId);
    } catch (error) {
      const reason = error instanceof TesseraError ? error.reason : 'not available';
      this.#log.warn('subject_digest_missing', { tenant_id: tenantId, reason });
      return undefined;
    }
  }
}
