import type { Command } from 'commander';
import { OperatorError } from '../../errors/operator-error.ts';
import { readInstallation } from '../../provisioning/file/read-installation.ts';
import { writeTenantsFile } from '../../provisioning/file/write-tenants-file.ts';
import { explainError } from '../explain-error.ts';
import { findTenant, isNewControlDatabase, pendingControlMigrations, withReadOnly } from '../installation.ts';
import { tenantArgument } from '../options.ts';
import { Progress } from '../progress.ts';
import { printText, type Terminal } from '../terminal.ts';

interface ExportOptions {
  readonly tenant?: string;
}

export function addExport(program: Command, terminal: Terminal): void {
  program
    .command('export')
    .summary('print the system as a tenants file')
    .description(
      `Prints all tenants as a tenants file, or one. Applying it changes nothing. It holds email addresses, but no keys or secrets.

A tenant whose database does not answer is named on standard error and left out; then the exit code is 1.`,
    )
    .option('--tenant <tenant>', 'this tenant only', tenantArgument)
    .addHelpText(
      'after',
      `
Examples:
  $ tessera export > tenants.yaml
  $ tessera export --tenant acme
  $ tessera export | tessera apply -f - --dry-run     nothing to change`,
    )
    .action((options: ExportOptions) => runExport(options, terminal));
}

async function runExport({ tenant }: ExportOptions, terminal: Terminal): Promise<void> {
  const config = terminal.loadConfig();
  // The settings may lead to another place. A file without tenants would then pass for what is here.
  if (isNewControlDatabase(await pendingControlMigrations(config)))
    throw new OperatorError(
      'There is no control database yet, so there is nothing to export. Check TESSERA_DATA_DIR and DATABASE_URL, or make one. Run: tessera migrate',
    );
  const progress = new Progress(terminal);
  const { tenants, failures } = await withReadOnly(config, async (stores) =>
    readInstallation(
      tenant === undefined ? await stores.controlPlane.readTenants() : [await findTenant(stores, tenant)],
      stores.directories,
      (done, total) => {
        progress.show('reading tenant', done, total);
      },
    ),
  );
  progress.end();
  if (tenants.length > 0 || failures.length === 0) terminal.stdout.write(writeTenantsFile(tenants));
  for (const failure of failures) printText(terminal.stderr, explainError(failure));
  if (failures.length > 0)
    throw new OperatorError(
      `${failures.length} tenant${failures.length === 1 ? ' is' : 's are'} missing in the export. Correct the problems above and run the command again.`,
    );
}
