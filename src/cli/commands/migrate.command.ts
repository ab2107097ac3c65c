import type { Command } from 'commander';
import type { Config } from '../../config/config.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { withApplyLock } from '../../control-plane/apply-lock.ts';
import type { AssertHeld } from '../../control-plane/write-fence.ts';
import type { TenantState } from '../../provisioning/apply/control-plane.writer.ts';
import { explainError } from '../explain-error.ts';
import {
  type Installation,
  pendingControlMigrations,
  withReadOnly,
  withSchema,
  withWritable,
} from '../installation.ts';
import { outputOption } from '../options.ts';
import { Progress } from '../progress.ts';
import { type OutputFormat, printJson, printLines, printText, type Terminal } from '../terminal.ts';

interface MigrateOptions {
  readonly dryRun: boolean;
  readonly output: OutputFormat;
}

/** A database (`control` or a tenant's id) and its pending or completed migrations. */
interface Migrated {
  readonly database: string;
  readonly migrations: readonly string[];
}

interface Outcome {
  readonly migrated: Migrated[];
  readonly failures: string[];
}

export function addMigrate(program: Command, terminal: Terminal): void {
  program
    .command('migrate')
    .summary('migrate all databases to the current schema')
    .description(
      `Migrates the control database and every tenant's database to the current schema, under a lock. If it is killed, the next run continues. A server on MySQL or MariaDB never migrates by itself: run this before the new version starts.`,
    )
    .option('--dry-run', 'show the pending migrations, and run none', false)
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
Examples:
  $ tessera migrate --dry-run
  $ tessera migrate`,
    )
    .action((options: MigrateOptions) => runMigrate(options, terminal));
}

async function runMigrate(options: MigrateOptions, terminal: Terminal): Promise<void> {
  const config = terminal.loadConfig();
  const outcome: Outcome = { migrated: [], failures: [] };
  try {
    if (options.dryRun) await lookAt(config, outcome, terminal);
    else await withApplyLock(config, (assertHeld) => migrate(config, outcome, terminal, assertHeld));
  } catch (error) {
    if (outcome.migrated.length > 0) print(outcome, options, terminal);
    throw error;
  }
  print(outcome, options, terminal);
  if (outcome.failures.length > 0)
    throw new OperatorError(
      `${outcome.failures.length} tenant database(s) not migrated. Correct the problems above and run the command again.`,
    );
}

async function lookAt(config: Config, outcome: Outcome, terminal: Terminal): Promise<void> {
  const pending = await pendingControlMigrations(config);
  record(outcome, 'control', pending);
  // With an outdated control database on a server, the tenants cannot be listed.
  if (pending.length > 0 && config.controlDatabase.driver === 'mysql') return;
  await withReadOnly(config, (stores) =>
    eachManagedTenant(stores, outcome, terminal, async ({ tenant }) => {
      const directory = await stores.directories.openForReading(tenant);
      if (directory === undefined) throw new OperatorError('its database does not exist. Run: tessera apply');
      try {
        return await directory.pendingMigrations();
      } finally {
        await directory.close();
      }
    }),
  );
}

/** The records come last: the control database must be migrated before it can hold them. */
async function migrate(config: Config, outcome: Outcome, terminal: Terminal, assertHeld: AssertHeld): Promise<void> {
  try {
    await withSchema(config, async (stores) => {
      record(outcome, 'control', await stores.database.migrate());
      await eachManagedTenant(stores, outcome, terminal, async ({ tenant }) => {
        await assertHeld();
        const directory = await stores.directories.open(tenant);
        try {
          return await directory.migrate();
        } finally {
          await directory.close();
        }
      });
    });
  } finally {
    if (outcome.migrated.length > 0) await recordMigrations(config, outcome, terminal);
  }
}

async function recordMigrations(config: Config, { migrated }: Outcome, terminal: Terminal): Promise<void> {
  const changes = migrated.map(({ database }) => ({ action: 'update', kind: 'schema', id: database }) as const);
  await withWritable(config, terminal, [{ changes }], (stores) => {
    stores.changes.note(undefined, changes);
    return Promise.resolve();
  });
}

/** Runs `work` for each tenant whose directory is migrated here. A failure does not stop the others. */
async function eachManagedTenant(
  { controlPlane }: Installation,
  outcome: Outcome,
  terminal: Terminal,
  work: (state: TenantState) => Promise<string[]>,
): Promise<void> {
  const states = (await controlPlane.readTenants()).filter(({ tenant }) => tenant.directory === 'managed');
  const progress = new Progress(terminal);
  for (const [index, state] of states.entries()) {
    progress.show('tenant database', index, states.length);
    try {
      record(outcome, state.tenant.id, await work(state));
    } catch (error) {
      outcome.failures.push(`tenant "${state.tenant.id}": ${explainError(error)}`);
    }
  }
  progress.end();
}

function record({ migrated }: Outcome, database: string, migrations: readonly string[]): void {
  if (migrations.length > 0) migrated.push({ database, migrations });
}

function print({ migrated, failures }: Outcome, { output, dryRun }: MigrateOptions, terminal: Terminal): void {
  if (output === 'json') printJson(terminal.stdout, { migrated });
  else if (migrated.length === 0 && failures.length === 0) printLines(terminal.stdout, ['Every schema is current.']);
  else
    printLines(
      terminal.stdout,
      migrated.map(
        ({ database, migrations }) => `${dryRun ? 'to run' : 'ran'} in ${database}: ${migrations.join(', ')}`,
      ),
    );
  for (const failure of failures) printText(terminal.stderr, failure);
}
