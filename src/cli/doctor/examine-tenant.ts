import type { ClientSecretEntry } from '../../clients/client-secret-entry.ts';
import { nameOf } from '../../clients/client-secret.store.ts';
import { reasonOfFailure } from '../../database/database-failure.ts';
import type { DirectoryReader } from '../../directory/provisioning/directory.reader.ts';
import type { ManagedTables } from './managed-tables.ts';
import type { Clock } from '../../domain/clock.ts';
import type { TenantState } from '../../provisioning/apply/control-plane.writer.ts';
import type { Installation } from '../installation.ts';
import { CHECKS } from './checks.ts';
import type { DirectoryFacts, TenantFacts } from './facts.ts';
import { followsFromDrift } from './found-drift.ts';
import type { Report } from './report.ts';

/** A server that let so many tenants wait in vain is not asked for the others: each would wait as long. */
const MAX_SILENT = 3;

/** Examines one tenant at a time, or several at once. */
export class TenantExaminer {
  readonly #stores: Installation;
  readonly #clock: Clock;
  readonly #expected: ManagedTables;
  readonly #report: Report;
  readonly #isKnown: (error: unknown) => boolean;
  readonly #silent = new Map<string, number>();

  /** @param isKnown whether a failure of the control database follows from what was found before */
  constructor(
    stores: Installation,
    clock: Clock,
    expected: ManagedTables,
    report: Report,
    isKnown: (error: unknown) => boolean,
  ) {
    this.#stores = stores;
    this.#clock = clock;
    this.#expected = expected;
    this.#report = report;
    this.#isKnown = isKnown;
  }

  async examine(state: TenantState): Promise<void> {
    const secrets = new Map<string, Promise<ClientSecretEntry>>();
    const facts: TenantFacts = {
      stores: this.#stores,
      clock: this.#clock,
      state,
      secretsOf: (client) => {
        const name = nameOf(client);
        const read = secrets.get(name) ?? this.#stores.clientSecrets.read(client);
        secrets.set(name, read);
        return read;
      },
    };
    for (const check of CHECKS.tenant)
      if (check.needsVault !== true || !this.#report.vaultIsAway)
        await this.#report.run(check, facts, `tenant ${state.tenant.id}`, this.#isKnown);
    await this.#examineDatabase(facts);
  }

  async #examineDatabase(facts: TenantFacts): Promise<void> {
    const { tenant } = facts.state;
    // The credentials are there.
    if (tenant.database.driver === 'mysql' && this.#report.vaultIsAway) return;
    const directory = await this.#open(facts);
    if (directory === undefined) return;
    try {
      const { driver: kind } = tenant.database;
      await this.#examineDirectory({
        ...facts,
        directory,
        kind,
        expected: await this.#expected(directory.relations, kind),
      });
    } finally {
      await directory.close();
    }
  }

  /** @returns undefined if it cannot be opened, which is a finding */
  async #open({ state: { tenant } }: TenantFacts): Promise<DirectoryReader | undefined> {
    const { name: check } = CHECKS.directory.database;
    const object = `database of ${tenant.id}`;
    const fault = { severity: 'fault', object } as const;
    const server = tenant.database.driver === 'mysql' ? `${tenant.database.host}:${tenant.database.port}` : '';
    if ((this.#silent.get(server) ?? 0) >= MAX_SILENT) {
      const problem = `its server ${server} let ${MAX_SILENT} other tenants wait in vain, and was not asked again`;
      this.#report.add(check, {
        ...fault,
        problem,
        command: `Start the server, then run: tessera doctor ${tenant.id}`,
      });
      return undefined;
    }
    try {
      const directory = await this.#stores.directories.openForReading(tenant);
      if (directory === undefined)
        this.#report.add(check, { ...fault, problem: 'it does not exist', command: 'tessera apply -f FILE' });
      return directory;
    } catch (error) {
      const reason = reasonOfFailure(error);
      if (reason === 'no answer in time' || reason === 'host is not reachable')
        this.#silent.set(server, (this.#silent.get(server) ?? 0) + 1);
      this.#report.fail(check, object, error);
      return undefined;
    }
  }

  async #examineDirectory(facts: DirectoryFacts): Promise<void> {
    const { database, schema, owner } = CHECKS.directory;
    const object = `database of ${facts.state.tenant.id}`;
    if (facts.state.tenant.directory === 'external') {
      for (const check of CHECKS.external) await this.#report.run(check, facts, object);
      return;
    }
    if (!(await this.#report.run(database, facts, object))) return;
    const isAsMigrated = await this.#report.run(schema, facts, object);
    const isKnown = (error: unknown): boolean => !isAsMigrated && followsFromDrift(error);
    if (!(await this.#report.run(owner, facts, object, isKnown))) return;
    for (const check of CHECKS.managed) await this.#report.run(check, facts, object, isKnown);
  }
}
