import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import type { Config } from '../../config/config.ts';
import { Secret } from '../../config/secret.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { applyPlan, type Report } from '../../provisioning/apply/apply-plan.ts';
import { nameOf } from '../../clients/client-secret.store.ts';
import { changesOf, type Plan, planFile } from '../../provisioning/plan/plan.ts';
import { readTenantsFile } from '../../provisioning/file/read-tenants-file.ts';
import type { Change } from '../../provisioning/plan/tenant-diff.ts';
import type { TenantsFile } from '../../provisioning/file/tenants-file.ts';
import { MAX_FILE_BYTES } from '../../provisioning/file/yaml-source.ts';
import { CONTROL_PLANE_SCHEMA } from '../../control-plane/control-plane.schema.ts';
import { withApplyLock } from '../../control-plane/apply-lock.ts';
import { visible } from '../../domain/visible-text.ts';
import { explainError } from '../explain-error.ts';
import type { PlanningRules } from '../../provisioning/plan/plan-tenant.ts';
import { pendingControlMigrations, withReadOnly, withWritable } from '../installation.ts';
import { outputOption } from '../options.ts';
import { Progress } from '../progress.ts';
import { type OutputFormat, printJson, printLines, printText, type Terminal } from '../terminal.ts';

export interface ApplyOptions {
  readonly file: string;
  readonly dryRun: boolean;
  readonly prune: boolean;
  readonly dangerouslyReplaceLostKeys: boolean;
  readonly output: OutputFormat;
}

export function addApply(program: Command, terminal: Terminal): void {
  program
    .command('apply')
    .summary('make the system match a tenants file')
    .description(
      `Makes the system match a tenants file: databases, users, keys, secrets and configuration. A second run changes nothing.

All errors of the file are reported at once, with line and column; then nothing is changed. If apply is killed, the next run completes the work. What the file leaves out stays as it is, unless --prune is given.

Every confidential client without a live secret gets one. It is shown once: store it where the client reads it. If it is lost, \`tessera secrets add\` makes another.`,
    )
    .requiredOption('-f, --file <path>', 'the tenants file; - reads it from standard input')
    .option('--dry-run', 'show what would change, and change nothing', false)
    .option('--prune', 'also remove what the file leaves out, whole tenants too', false)
    .option(
      '--dangerously-replace-lost-keys',
      'make new signing keys for tenants whose keys are lost from the secret store: their unexpired tokens are then rejected',
      false,
    )
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
Examples:
  $ tessera apply -f tenants.yaml --dry-run     what would change?
  $ tessera apply -f tenants.yaml               change it
  $ tessera apply -f tenants.yaml --prune       and remove what is not in the file
  $ tessera apply -f - --output json < tenants.yaml | jq -r '.secrets[]'

A removed tenant's keys and secrets stay in Vault until \`tessera purge\`: applying the tenant again before that restores it.`,
    )
    .action((options: ApplyOptions) => runApply(options, terminal));
}

export async function runApply(options: ApplyOptions, terminal: Terminal): Promise<void> {
  const config = terminal.loadConfig();
  const file = await readFileToApply(options.file, config, terminal);
  if (options.dryRun) {
    const { changes, plan } = await planOnly(config, file, options, terminal);
    print({ changes, secrets: [], failures: [...plan.failures] }, options, terminal);
    failIfAnyFailed(plan.failures);
    return;
  }
  const report: Report = { changes: [], secrets: [], failures: [] };
  try {
    await applyFile(config, file, options, report, terminal);
  } catch (error) {
    // Print even after a failure: these secrets exist, and nobody has seen them yet.
    if (report.changes.length + report.secrets.length > 0) print(report, options, terminal);
    throw error;
  }
  print(report, options, terminal);
  failIfAnyFailed(report.failures);
}

/** Migrates all schemas and applies the plan, under the apply lock. */
export async function applyFile(
  config: Config,
  file: TenantsFile,
  rules: PlanningRules,
  report: Report,
  terminal: Terminal,
): Promise<void> {
  await withApplyLock(config, async (assertHeld) => {
    const pending = await pendingControlMigrations(config);
    // A server's database must be migrated before planning. For an embedded one, the plan is made on a migrated copy, so that a refusal changes
    // nothing.
    if (config.controlDatabase.driver === 'mysql' && pending.length > 0) await migrateControl(config, report);
    const plan = await planOrRefuse(config, file, rules, terminal);
    if (config.controlDatabase.driver === 'sqlite' && pending.length > 0) await migrateControl(config, report);
    const progress = new Progress(terminal);
    await withWritable(config, (stores) =>
      applyPlan(
        plan,
        stores,
        report,
        (done, total) => {
          progress.show('applying tenant', done, total);
        },
        assertHeld,
      ),
    );
    progress.end();
  });
}

export async function readFileToApply(path: string, config: Config, terminal: Terminal): Promise<TenantsFile> {
  const bytes = path === '-' ? await readAll(terminal.stdin) : await readNamed(path);
  const result = readTenantsFile(bytes, config);
  if ('file' in result) return result.file;
  const name = path === '-' ? '<stdin>' : path;
  const errors = result.errors.map(({ line, column, message }) => visible(`${name}:${line}:${column}: ${message}`));
  throw new OperatorError(
    [
      ...errors,
      `${errors.length} error${errors.length === 1 ? '' : 's'}; nothing was changed. Correct the file and apply it again.`,
    ].join('\n'),
  );
}

async function readNamed(path: string): Promise<Uint8Array> {
  try {
    // Reads at most one byte more than allowed: a device or a growing log, named by mistake, has no end.
    return await readAll(createReadStream(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : 'it cannot be read';
    throw new OperatorError(`${path}: ${reason}. Give the path of a tenants file, or - for standard input.`);
  }
}

async function readAll(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    chunks.push(chunk);
    length += chunk.byteLength;
    // One byte more than allowed is enough for the parser to refuse it.
    if (length > MAX_FILE_BYTES) break;
  }
  return Buffer.concat(chunks);
}

async function migrateControl(config: Config, report: Report): Promise<void> {
  const ran = await withWritable(config, ({ database }) => database.migrate());
  if (ran.length > 0) report.changes.push(controlSchemaChange());
}

function controlSchemaChange(): Change {
  return { action: 'update', kind: 'schema', id: 'control' };
}

async function planOnly(
  config: Config,
  file: TenantsFile,
  options: ApplyOptions,
  terminal: Terminal,
): Promise<{ changes: Change[]; plan: Plan }> {
  const pending = await pendingControlMigrations(config);
  const isNew = pending.length === CONTROL_PLANE_SCHEMA.migrations.length;
  // An embedded database is read from a migrated copy.
  if (config.controlDatabase.driver === 'mysql' && pending.length > 0 && !isNew)
    throw new OperatorError(
      "The control database's schema is not current, so there is nothing to compare with. Run: tessera migrate",
    );
  const plan = await planOrRefuse(config, file, options, terminal, isNew);
  return { changes: [...(pending.length > 0 ? [controlSchemaChange()] : []), ...changesOf(plan)], plan };
}

/** @param isNew the control database has no tables yet, so there is no tenant to compare with */
async function planOrRefuse(
  config: Config,
  file: TenantsFile,
  rules: PlanningRules,
  terminal: Terminal,
  isNew = false,
): Promise<Plan> {
  const progress = new Progress(terminal);
  const plan = await withReadOnly(config, async (stores) =>
    planFile(file, isNew ? [] : await stores.controlPlane.readTenants(), stores, {
      prune: rules.prune,
      dangerouslyReplaceLostKeys: rules.dangerouslyReplaceLostKeys,
      onTenant: (done, total) => {
        progress.show('comparing tenant', done, total);
      },
    }),
  );
  progress.end();
  if ('conflicts' in plan)
    throw new OperatorError(
      [...plan.conflicts.map(visible), 'Nothing was changed. Correct the file and apply it again.'].join('\n'),
    );
  return plan;
}

function print({ changes, secrets, failures }: Report, { output, dryRun }: ApplyOptions, terminal: Terminal): void {
  // Shows each new secret once, to the operator who ran the command.
  const shown = secrets.map(({ client, secret }) => ({ client, value: Secret.reveal(secret) }));
  if (output === 'json') {
    printJson(terminal.stdout, {
      changes,
      secrets: shown.map(({ client, value }) => ({
        tenant_id: client.tenantId,
        project_id: client.projectId,
        client_id: client.clientId,
        secret_id: value,
      })),
    });
  } else {
    printLines(terminal.stdout, [
      ...changes.map(describeChange),
      summary(changes.length, dryRun),
      ...(shown.length === 0 ? [] : ['', 'Secrets, shown only once (secret_id):']),
      ...shown.map(({ client, value }) => `  ${nameOf(client)}  ${value}`),
    ]);
  }
  for (const { tenantId, error } of failures)
    printText(terminal.stderr, `tenant "${tenantId}" was not finished: ${explainError(error)}`);
}

const SIGNS = { create: '+', update: '~', remove: '-' } as const;

function describeChange({ action, kind, id }: Change): string {
  const line = `${SIGNS[action]} ${action} ${kind} ${id}`;
  return action === 'remove' && kind === 'tenant'
    ? `${line}, the whole tenant (its keys and secrets stay in Vault until \`tessera purge\`)`
    : line;
}

function summary(count: number, dryRun: boolean): string {
  if (count === 0) return 'Nothing to change.';
  const changes = `${count} change${count === 1 ? '' : 's'}`;
  return dryRun ? `${changes} to make; this was a dry run.` : `${changes} made.`;
}

function failIfAnyFailed(failures: readonly unknown[]): void {
  if (failures.length > 0)
    throw new OperatorError(
      `${failures.length} tenant${failures.length === 1 ? '' : 's'} not finished; the others are. Correct the problems above and apply the file again.`,
    );
}
