import type { Command } from 'commander';
import { OperatorError } from '../../errors/operator-error.ts';
import { applyAndPrint, planAndPrint } from '../apply/apply-and-print.ts';
import { tenantsToRemove } from '../apply/apply-file.ts';
import { confirmRemoval } from '../apply/confirm-removal.ts';
import { readFileToApply } from '../apply/read-file.ts';
import { outputOption } from '../options.ts';
import type { OutputFormat, Terminal } from '../terminal.ts';

export interface ApplyOptions {
  readonly file: string;
  readonly dryRun: boolean;
  readonly prune: boolean;
  readonly pruneTenants: boolean;
  readonly yes: boolean;
  readonly dangerouslyReplaceLostKeys: boolean;
  readonly output: OutputFormat;
}

export function addApply(program: Command, terminal: Terminal): void {
  program
    .command('apply')
    .summary('make the system match a tenants file')
    .description(
      `Makes the system match a tenants file: databases, users, keys, secrets and configuration. A second run changes nothing.

All errors of the file are reported at once, with line and column; then nothing is changed. If apply is killed, the next run completes the work. What the file leaves out stays as it is, unless --prune is given: a thing, and a member of a thing. A member that is null gets the default of a new thing.

Every confidential client without a live secret gets one. It is shown once: store it where the client reads it. If it is lost, \`tessera secrets add\` makes another.`,
    )
    .requiredOption('-f, --file <path>', 'the tenants file; - reads it from standard input')
    .option('--dry-run', 'show what would change, and change nothing', false)
    .option('--prune', 'also remove what the lists in the file leave out', false)
    .option('--prune-tenants', 'also remove whole tenants that the file does not name; asks for their ids', false)
    .option('--yes', 'remove whole tenants without asking', false)
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
  $ tessera apply -f tenants.yaml --prune       and remove what its lists leave out
  $ tessera apply -f - --output json < tenants.yaml | jq -r '.secrets[]'

A removed tenant's keys and secrets stay in Vault until \`tessera purge\`: applying the tenant again before that restores it.`,
    )
    .action((options: ApplyOptions) => runApply(options, terminal));
}

export async function runApply(options: ApplyOptions, terminal: Terminal): Promise<void> {
  const config = terminal.loadConfig();
  const file = await readFileToApply(options.file, config, terminal);
  if (options.dryRun) {
    failIfAnyFailed((await planAndPrint(config, file, options, options, terminal)).failures);
    return;
  }
  const confirmed = options.pruneTenants ? await tenantsToRemove(config, file) : [];
  await confirmRemoval(confirmed, options, terminal);
  const rules = { ...options, confirmed: options.yes ? undefined : confirmed };
  failIfAnyFailed((await applyAndPrint(config, file, rules, options, terminal)).failures);
}

function failIfAnyFailed(failures: readonly unknown[]): void {
  if (failures.length > 0)
    throw new OperatorError(
      `${failures.length} tenant${failures.length === 1 ? '' : 's'} not finished; the others are. Correct the problems above and apply the file again.`,
    );
}
