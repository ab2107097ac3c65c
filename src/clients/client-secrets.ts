import { Inject, Injectable } from '@nestjs/common';
import { timingSafeEqual } from 'node:crypto';
import { CONFIG, type CachesConfig } from '../config/config.ts';
import type { Secret } from '../config/secret.ts';
import { Log } from '../logging/log.ts';
import { Metrics } from '../metrics/metrics.ts';
import type { Client, Tenant } from '../tenancy/tenant.ts';
import { Clock, epochSeconds } from '../domain/clock.ts';
import type { TenantId } from '../domain/ids.ts';
import { andThen, type Awaitable } from '../runtime/awaitable.ts';
import { SingleFlightCache } from '../runtime/single-flight-cache.ts';
import { type ClientSecretEntry, parseClientSecretEntry } from './client-secret-entry.ts';
import { clientSecretPath } from '../vault/vault-path.ts';
import { VaultService } from '../vault/vault.service.ts';

/** A live secret in the form for comparison. */
interface LiveSecret {
  readonly id: string;
  readonly sha256: Buffer;
  /** Epoch seconds; Infinity: until it is retired. */
  readonly expiresAt: number;
}

/** Compared for a client without secrets, so that the refusal does the same work. No text has this digest by chance. */
const NO_SECRET: readonly LiveSecret[] = Object.freeze([{ id: '', sha256: Buffer.alloc(32), expiresAt: -Infinity }]);

/** The id of an operator-provided `secret_id` in audit records and lists. */
export const HAND_PLACED_ID = 'hand-placed';

/** Clients whose secrets are kept, for each tenant that is kept; and at least so many. */
const CLIENTS_OF_A_TENANT = 10;
const MIN_ENTRIES = 50_000;
/** From this fraction of the maximum age on, an entry is read again in the background, so that a warm client never waits for Vault. */
const REFRESH_FROM = 0.6;

/**
 * Caches the clients' secrets up to a maximum age. A client without an entry in Vault is refused, and a log line says so once per read. If Vault does
 * not answer, the result is 503 unless the cached entry is recent enough.
 */
@Injectable()
export class ClientSecrets {
  readonly #vault: VaultService;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #secrets: SingleFlightCache<string, readonly LiveSecret[]>;

  constructor(
    vault: VaultService,
    clock: Clock,
    log: Log,
    metrics: Metrics,
    @Inject(CONFIG) { caches }: { readonly caches: Pick<CachesConfig, 'vaultSeconds' | 'tenants'> },
  ) {
    this.#vault = vault;
    this.#clock = clock;
    this.#log = log;
    const maxAgeMs = caches.vaultSeconds * 1000;
    const lookUps = metrics.cache('client_secrets');
    this.#secrets = new SingleFlightCache({
      clock,
      maxAgeMs,
      refreshAfterMs: maxAgeMs * REFRESH_FROM,
      maxEntries: Math.max(MIN_ENTRIES, CLIENTS_OF_A_TENANT * caches.tenants),
      // A change of one tenant must not read the keys of all.
      groupOf: (key) => key.slice(0, key.indexOf('/')),
      onLookUp: (how) => {
        if (how === 'kept') lookUps.hit();
        else lookUps.miss();
      },
    });
  }

  /**
   * Compares with every secret of the client, even if an earlier one has matched.
   *
   * @returns the id of the unexpired secret that matched; undefined if none did
   */
  match(tenant: Tenant, client: Client, credential: Secret): Awaitable<string | undefined> {
    const secrets = this.#secrets.get(keyOf(tenant, client), () => this.#read(tenant, client));
    return andThen(secrets, (live) => this.#matchOf(live, credential));
  }

  #matchOf(secrets: readonly LiveSecret[], credential: Secret): string | undefined {
    const presented = credential.sha256();
    const now = epochSeconds(this.#clock.nowMs());
    let matched: string | undefined;
    for (const secret of secrets.length > 0 ? secrets : NO_SECRET) {
      const same = timingSafeEqual(presented, secret.sha256);
      if (same && now < secret.expiresAt) matched = secret.id;
    }
    return matched;
  }

  /** Drops the cached secrets of a tenant, or of all tenants. */
  forget(tenantId: TenantId | undefined): void {
    if (tenantId === undefined) this.#secrets.forgetAll();
    else this.#secrets.forgetGroup(tenantId);
  }

  async #read(tenant: Tenant, client: Client): Promise<readonly LiveSecret[]> {
    const entry = await this.#vault.read(clientSecretPath(tenant.id, client.projectId, client.id));
    const secrets = entry === undefined ? [] : liveSecrets(parseClientSecretEntry(entry.data));
    if (secrets.length === 0 && client.policy.kind === 'confidential') {
      this.#log.error('client_secret_missing', {
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
