import { join } from 'node:path';
import type { PinnedProcess } from '../harness/pinned-process.ts';
import { ProductionStores } from '../harness/production-stores.ts';
import { Tessera } from '../harness/tessera.ts';
import { SAMPLE } from '../sample/sample-request.ts';
import { type TenantPlan, tenantsFile } from '../sample/tenants-file.ts';
import { PROVIDER_AUDIENCE, TARGET_AUDIENCE } from './requests.ts';

/**
 * A key is public for 15 minutes before it signs, and a second one cannot be made meanwhile. With so many tenants in turn, one is rotated in every
 * minute, and from the sixteenth minute on a new key takes over in every minute.
 */
export const TENANTS = Array.from({ length: 20 }, (_, index) => `tenant-${index}`);

export type StoresKind = 'production' | 'embedded';

/** The installation under test, and what an operator does to it once a minute. */
export class SoakInstallation {
  readonly tessera: Tessera;
  readonly #stores: ProductionStores | undefined;
  readonly #issuer: string;
  #applied = 0;

  private constructor(tessera: Tessera, stores: ProductionStores | undefined, issuer: string) {
    this.tessera = tessera;
    this.#stores = stores;
    this.#issuer = issuer;
  }

  /** @param issuer of the identity provider that all tenants trust, on loopback */
  static async make(
    folder: string,
    kind: StoresKind,
    issuer: string,
    settings: Readonly<Record<string, string>>,
  ): Promise<SoakInstallation> {
    const stores = kind === 'production' ? await ProductionStores.start('unsynced') : undefined;
    const tessera = await Tessera.in(join(folder, 'tessera'), {
      TESSERA_FEDERATION_ALLOWED_HOSTS: new URL(issuer).host,
      ...stores?.settings(),
      ...settings,
    });
    const installation = new SoakInstallation(tessera, stores, issuer);
    await installation.#apply([]);
    return installation;
  }

  start(): Promise<PinnedProcess> {
    // What the probe notes would grow in the memory under test.
    return this.tessera.start({ countsAllocations: false });
  }

  async rotate(tenant: string): Promise<void> {
    await this.tessera.command('keys', 'rotate', tenant);
  }

  /** Adds the guest and changes all other tenants. */
  addGuest(guest: string): Promise<void> {
    return this.#apply([guest]);
  }

  /** Removes the guest with everything that is kept of it. */
  async removeGuest(guest: string): Promise<void> {
    await this.#apply([], '--prune', '--prune-tenants', '--yes');
    await this.tessera.command('purge', '--yes');
    await this.#stores?.dropDatabaseOf(guest);
  }

  /** Of the database server; undefined with embedded stores. */
  async databaseConnections(): Promise<number | undefined> {
    return this.#stores?.connections();
  }

  async close(): Promise<void> {
    await this.#stores?.close();
  }

  async #apply(guests: readonly string[], ...options: readonly string[]): Promise<void> {
    this.#applied += 1;
    const plans = await Promise.all([...TENANTS, ...guests].map((id) => this.#plan(id)));
    await this.tessera.apply(tenantsFile(plans), ...options);
  }

  async #plan(id: string): Promise<TenantPlan> {
    return {
      id,
      database: (await this.#stores?.databaseOf(id)) ?? { driver: 'sqlite' },
      users: [
        { id: SAMPLE.userId, email: SAMPLE.email },
        // Another one with each apply.
        { id: 'u-bob', email: `bob-${this.#applied}@acme.example` },
      ],
      issuers: [
        {
          id: 'corp',
          issuer: this.#issuer,
          audiences: [PROVIDER_AUDIENCE],
          algorithms: ['ES256'],
          conditions: { hd: 'acme.example' },
          subject: { match: 'email', domains: ['acme.example'] },
          clients: [SAMPLE.client],
          surfaces: ['user'],
          max_age: '1h',
        },
      ],
      client: { exchange: [{ to: TARGET_AUDIENCE, scopes: 'subset' }] },
    };
  }
}
