import { type Command, InvalidArgumentError } from 'commander';
import type { TenantId } from '../../domain/ids.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { examine } from '../doctor/examine.ts';
import type { Finding } from '../doctor/finding.ts';
import { outputOption, tenantArgument } from '../options.ts';
import { Progress } from '../progress.ts';
import { type OutputFormat, printJson, printLines, type Terminal } from '../terminal.ts';

interface DoctorOptions {
  readonly replicas?: number;
  readonly output: OutputFormat;
}

export function addDoctor(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .summary('look for faults, and say how to mend them')
    .description(
      `Examines keys, secrets, databases, trusted issuers, clocks and audit, of all tenants or of one. Changes nothing. Each finding names its object and the command that mends it. A fault is wrong now; a warning will be, or has no effect. Exits with 1 if there is any finding.`,
    )
    .argument('[tenant]', 'id of the tenant; default: all', tenantArgument)
    .option(
      '--replicas <number>',
      'how many servers run; default: as many as machines are connected to the control database',
      replicasArgument,
    )
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
Examples:
  $ tessera doctor
  $ tessera doctor acme -o json
  $ tessera doctor --replicas 3`,
    )
    .action((tenantId: TenantId | undefined, options: DoctorOptions) => runDoctor(tenantId, options, terminal));
}

async function runDoctor(
  only: TenantId | undefined,
  { replicas, output }: DoctorOptions,
  terminal: Terminal,
): Promise<void> {
  const progress = new Progress(terminal);
  const findings = await examine(terminal.loadConfig(), {
    only,
    replicas,
    clock: terminal.clock,
    onTenant: (done, total) => {
      progress.show('examining tenant', done, total);
    },
  }).finally(() => {
    progress.end();
  });
  if (output === 'json') printJson(terminal.stdout, { findings });
  else if (findings.length === 0) printLines(terminal.stdout, ['Nothing to mend.']);
  else printLines(terminal.stdout, findings.flatMap(linesOf));
  if (findings.length === 0) return;
  const faults = findings.filter(({ severity }) => severity === 'fault').length;
  throw new OperatorError(
    `${faults} fault(s) and ${findings.length - faults} warning(s). Mend them as shown, then run: tessera doctor`,
  );
}

function linesOf({ check, severity, object, problem, command }: Finding): string[] {
  return [`${severity}: ${object}: ${problem} (${check})`, `  ${command}`];
}

function replicasArgument(text: string): number {
  const replicas = Number(text);
  if (!/^[0-9]{1,4}$/.test(text) || replicas === 0)
    throw new InvalidArgumentError('Write a whole number from 1 to 9999.');
  return replicas;
}
