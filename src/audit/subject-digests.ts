import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../domain/clock.ts';
import type { CanonicalEmail } from '../domain/email.ts';
import type { TenantId } from '../domain/ids.ts';
import { within } from '../runtime/deadline.ts';
import { SingleFlightCache } from '../runtime/single-flight-cache.ts';
import { VaultService } from '../vault/vault.service.ts';
import { type DigestKey, readOrCreateDigestKey } from './digest-key.ts';

/** A refusal must not wait longer for the secret store: its answer is the same without the digest. */
const WAIT_MS = 200;
/** After a restore of the secret store, running servers use the restored key this soon. */
const MAX_AGE_MS = 10 * 60_000;
/** A key takes about 200 bytes. */
const MAX_TENANTS = 2000;

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
  readonly #vault: VaultService;
  readonly #keys: SingleFlightCache<TenantId, DigestKey>;

  constructor(vault: VaultService, clock: Clock) {
    this.#vault = vault;
    this.#keys = new SingleFlightCache({ clock, maxAgeMs: MAX_AGE_MS, maxEntries: MAX_TENANTS });
  }

  /** Never rejects. @returns undefined if the secret store does not give the key in time */
  async of(tenantId: TenantId, email: CanonicalEmail): Promise<string | undefined> {
    const key = this.#keys.get(tenantId, () => readOrCreateDigestKey(this.#vault, tenantId));
    const known = await within<DigestKey | undefined>(
      WAIT_MS,
      key.catch(() => undefined),
      () => undefined,
    );
    return known === undefined ? undefined : subjectDigest(known, tenantId, email);
  }
}
