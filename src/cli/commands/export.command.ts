import type { Command } from 'commander';
import { readInstallation } from '../../provisioning/file/read-installation.ts';
import { writeTenantsFile } from '../../provisioning/file/write-tenants-file.ts';
import { withReadOnly } from '../installation.ts';
import { Progress } from '../progress.ts';
import type { Terminal } from '../terminal.ts';

export function addExport(program: Command, terminal: Terminal): void {
  program
    .command('export')
    .summary('print the system as a tenants file')
    .description(
      `Prints all tenants as a tenants file. Applying it changes nothing. It holds email addresses, but no keys or secrets.`,
    )
    .addHelpText(
      'after',
      `
Examples:
  $ tessera export > tenants.yaml
  $ tessera export | tessera apply -f - --dry-run     nothing to change`,
    )
    .action(() => runExport(terminal));
}

async function runExport(terminal: Terminal): Promise<void> {
  const progress = new Progress(terminal);
  const tenants = await withReadOnly(terminal.loadConfig(), (stores) =>
    readInstallation(stores, (done, total) => {
      progress.show('reading tenant', done, total);
    }),
  );
  progress.end();
  terminal.stdout.write(writeTenantsFile(tenants));
}
