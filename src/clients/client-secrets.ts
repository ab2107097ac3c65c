import { Inject, Injectable } from '@nestjs/common';
import { timingSafeEqual } from 'node:crypto';
import { CONFIG } from '../config/config-token.ts';
import type { CachesConfig } from '../config/config.ts';
import type { Secret } from '../config/secret.ts';
import { Log } from '../logging/log.ts';
import { Metrics } from '../metrics/metrics.ts';
import type { Client, Tenant } from '../tenancy/tenant.ts';
import { Clock, epochSeconds } from '../domain/clock.ts';
import type { TenantId } from '../domain/ids.ts';
import { SingleFlightCache } from '../runtime/single-flight-cache.ts';
import { type ClientSecretEntry, parseClientSecretEntry } from './client-secret-entry.ts';
import { clientSecretPath } from '../vault/vault-path.ts';
import { VaultService } from '../vault/vault.service.ts';

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

/**
 * The clients' secrets, in memory for a stated time. An entry that Vault does not have proves nothing: the client is refused and the log says so
 * once per reading. Vault not answering is 503, unless what was read is still within its age.
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
    @Inject(CONFIG) { caches }: { readonly caches: Pick<CachesConfig, 'vaultSeconds'> },
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
      maxEntries: MAX_ENTRIES,
      onLookUp: (how) => {
        if (how === 'kept') lookUps.hit();
        else lookUps.miss();
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
    const now = epochSeconds(this.#clock.nowMs());
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
