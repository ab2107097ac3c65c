import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Secret } from '../config/secret.ts';
import type { Log } from '../logging/log.ts';
import type { CacheMetrics } from '../metrics/metrics.ts';
import type { Client, Tenant } from '../tenancy/tenant.ts';
import { type Clock, epochSeconds } from '../domain/clock.ts';
import type { TenantId } from '../domain/ids.ts';
import { type ClientSecretEntry, parseClientSecretEntry } from './client-secret-entry.ts';
import { clientSecretPath } from '../vault/vault-path.ts';
import type { VaultService } from '../vault/vault.service.ts';

/** A secret that may prove its client, as the comparison wants it. */
interface LiveSecret {
  readonly id: string;
  readonly sha256: Buffer;
  /** Epoch seconds; Infinity: until it is retired. */
  readonly expiresAt: number;
}

interface CachedSecrets {
  readonly secrets: readonly LiveSecret[];
  /** By the monotonic clock. */
  readonly readAtMs: number;
  refreshing: boolean;
}

/** What stands in for a client's secrets when it has none, so that the refusal does the same work. No text has this digest by chance. */
const NO_SECRET: readonly LiveSecret[] = Object.freeze([{ id: '', sha256: Buffer.alloc(32), expiresAt: -Infinity }]);

/** The id by which the hand-placed `secret_id` of an entry appears in audit records and lists. */
export const HAND_PLACED_ID = 'hand-placed';

const MAX_ENTRIES = 50_000;
/** From this part of the maximum age on an entry is read again behind the caller's back, so that a warm client never waits for Vault. */
const REFRESH_FROM = 0.6;

export interface ClientSecretsOptions {
  readonly vault: VaultService;
  readonly clock: Clock;
  readonly log: Log;
  /** The maximum age of what was read from Vault, seconds. */
  readonly maxAgeSeconds: number;
  readonly cache: CacheMetrics;
}

/**
 * The clients' secrets, in memory for a stated time. An entry that Vault does not have proves nothing: the client is refused and the log says so
 * once per reading. Vault not answering is 503, unless what was read is still within its age.
 */
export class ClientSecrets {
  readonly #options: ClientSecretsOptions;
  readonly #cache = new LRUCache<string, CachedSecrets>({ max: MAX_ENTRIES });
  readonly #reading = new Map<string, Promise<CachedSecrets>>();
  /** Raised when a tenant's entries are forgotten, so that a reading begun before is not kept after. */
  #generation = 0;

  constructor(options: ClientSecretsOptions) {
    this.#options = options;
  }

  /**
   * Compares with every secret that the client has, whether or not an earlier one matched.
   *
   * @returns the id of the secret that matched and has not expired; undefined when none did
   */
  async match(tenant: Tenant, client: Client, credential: Secret): Promise<string | undefined> {
    const { secrets } = this.#warm(tenant, client) ?? (await this.#read(tenant, client));
    const presented = credential.sha256();
    const now = epochSeconds(this.#options.clock.nowMs());
    let matched: string | undefined;
    for (const secret of secrets.length > 0 ? secrets : NO_SECRET) {
      const same = timingSafeEqual(presented, secret.sha256);
      if (same && now < secret.expiresAt) matched = secret.id;
    }
    return matched;
  }

  /** Forgets what was read for a tenant, or for all: the secrets may have changed. */
  forget(tenantId: TenantId | undefined): void {
    this.#generation += 1;
    this.#reading.clear();
    if (tenantId === undefined) {
      this.#cache.clear();
      return;
    }
    for (const key of this.#cache.keys()) {
      if (key.startsWith(`${tenantId}/`)) this.#cache.delete(key);
    }
  }

  #warm(tenant: Tenant, client: Client): CachedSecrets | undefined {
    const cached = this.#cache.get(keyOf(tenant, client));
    const age = cached === undefined ? Infinity : this.#options.clock.monotonicMs() - cached.readAtMs;
    const maxAge = this.#options.maxAgeSeconds * 1000;
    if (cached === undefined || age >= maxAge) {
      this.#options.cache.miss();
      return undefined;
    }
    this.#options.cache.hit();
    if (age >= maxAge * REFRESH_FROM && !cached.refreshing) {
      cached.refreshing = true;
      // A failed refresh leaves the entry until its age is over; the next caller tries again.
      this.#read(tenant, client).catch(() => {
        cached.refreshing = false;
      });
    }
    return cached;
  }

  #read(tenant: Tenant, client: Client): Promise<CachedSecrets> {
    const key = keyOf(tenant, client);
    const underWay = this.#reading.get(key);
    if (underWay !== undefined) return underWay;
    const generation = this.#generation;
    const reading = this.#readFromVault(tenant, client).then((read) => {
      if (generation === this.#generation) this.#cache.set(key, read);
      return read;
    });
    this.#reading.set(key, reading);
    const done = () => {
      if (this.#reading.get(key) === reading) this.#reading.delete(key);
    };
    reading.then(done, done);
    return reading;
  }

  async #readFromVault(tenant: Tenant, client: Client): Promise<CachedSecrets> {
    // The age counts from before the question, not from after the answer.
    const readAtMs = this.#options.clock.monotonicMs();
    const entry = await this.#options.vault.read(clientSecretPath(tenant.id, client.projectId, client.id));
    const secrets = entry === undefined ? [] : liveSecrets(parseClientSecretEntry(entry.data));
    if (secrets.length === 0 && client.policy.kind === 'confidential') {
      this.#options.log.error('client_secret_missing', {
        tenant_id: tenant.id,
        project_id: client.projectId,
        client_id: client.id,
        fix: 'tessera secrets add',
      });
    }
    return { secrets, readAtMs, refreshing: false };
  }
}

function keyOf(tenant: Tenant, client: Client): string {
  return `${tenant.id}/${client.projectId}/${client.id}`;
}

function liveSecrets(entry: ClientSecretEntry): LiveSecret[] {
  const generated = entry.generated.map(({ id, sha256, expiresAt }) => ({
    id,
    sha256,
    expiresAt: expiresAt ?? Infinity,
  }));
  if (entry.handPlaced === undefined) return generated;
  return [...generated, { id: HAND_PLACED_ID, sha256: entry.handPlaced.sha256(), expiresAt: Infinity }];
}
