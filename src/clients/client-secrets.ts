import { timingSafeEqual } from 'node:crypto';
import type { Secret } from '../config/secret.ts';
import type { Log } from '../logging/log.ts';
import type { CacheMetrics } from '../metrics/metrics.ts';
import type { Client, Tenant } from '../tenancy/tenant.ts';
import { type Clock, epochSeconds } from '../domain/clock.ts';
import type { TenantId } from '../domain/ids.ts';
import { SingleFlightCache } from '../runtime/single-flight-cache.ts';
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
  readonly #secrets: SingleFlightCache<string, readonly LiveSecret[]>;

  constructor(options: ClientSecretsOptions) {
    this.#options = options;
    const { clock, cache, maxAgeSeconds } = options;
    this.#secrets = new SingleFlightCache({
      clock,
      maxAgeMs: maxAgeSeconds * 1000,
      refreshAfterMs: maxAgeSeconds * 1000 * REFRESH_FROM,
      maxEntries: MAX_ENTRIES,
      onLookUp: (how) => {
        if (how === 'kept') cache.hit();
        else cache.miss();
      },
    });
  }

  /**
   * Compares with every secret that the client has, whether or not an earlier one matched.
   *
   * @returns the id of the secret that matched and has not expired; undefined when none did
   */
  async match(tenant: Tenant, client: Client, credential: Secret): Promise<string | undefined> {
    const secrets = await this.#secrets.get(keyOf(tenant, client), () => this.#read(tenant, client));
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
    if (tenantId === undefined) this.#secrets.forgetAll();
    else this.#secrets.forgetWhere((key) => key.startsWith(`${tenantId}/`));
  }

  async #read(tenant: Tenant, client: Client): Promise<readonly LiveSecret[]> {
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
    return secrets;
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
