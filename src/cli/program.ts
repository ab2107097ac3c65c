import { Command, CommanderError } from 'commander';
import { addApply } from './commands/apply.command.ts';
import { addAudit } from './commands/audit.command.ts';
import { addCompletion } from './commands/completion.command.ts';
import { addConfig } from './commands/config.command.ts';
import { addDoctor } from './commands/doctor.command.ts';
import { addExplain } from './commands/explain.command.ts';
import { explainError } from './explain-error.ts';
import { addExport } from './commands/export.command.ts';
import { addHelp, refuseHelpOfUnknown } from './commands/help.command.ts';
import { addIssuers } from './commands/issuers.command.ts';
import { addKeys } from './commands/keys.command.ts';
import { addMigrate } from './commands/migrate.command.ts';
import { addObjects } from './commands/objects.command.ts';
import { addPurge } from './commands/purge.command.ts';
import { addQuickstart } from './commands/quickstart.command.ts';
import { addRevoke } from './commands/revoke.command.ts';
import { addSecrets } from './commands/secrets.command.ts';
import { VERSION } from '../config/version.ts';
import { printText, type Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

const DONE = 0;
const FAILED = 1;
const WRONG_USE = 2;

/**
 * Runs one command.
 *
 * @param args without node and script
 * @returns the exit code: 0 done, 1 refused or failed, 2 wrong use
 */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const program = buildProgram(terminal);
    refuseHelpOfUnknown(program, args);
    await program.parseAsync(args, { from: 'user' });
    return DONE;
  } catch (error) {
    // Commander has printed the error already. Requested help is not an error.
    if (error instanceof CommanderError)
      return error.exitCode === 0 && error.code !== 'commander.help' ? DONE : WRONG_USE;
    if (error instanceof UsageError) {
      printText(terminal.stderr, `error: ${error.message}`);
      return WRONG_USE;
    }
    printText(terminal.stderr, explainError(error));
    return FAILED;
  }
}

/** Builds all commands with their options, without running one. */
export function buildProgram(terminal: Terminal): Command {
  const program = new Command('tessera');
  program
    .description(
      'Tessera: the token service of a multi-tenant platform. Settings come from the environment and .env, as for the server.',
    )
    .version(VERSION, '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
      getOutHelpWidth: () => terminal.stdout.columns ?? 100,
      getErrHelpWidth: () => terminal.stderr.columns ?? 100,
    })
    .showHelpAfterError('(run the command with --help to see how it is used)')
    .addHelpText(
      'after',
      `
Start here:
  $ tessera config check
  $ tessera apply -f examples/acme.yaml --dry-run
  $ tessera apply -f examples/acme.yaml

Exit codes: 0 done, 1 refused or failed, 2 wrong use.`,
    );
  program.hook('preAction', (_, action) => {
    terminal.command = wordsOf(action);
  });
  addApply(program, terminal);
  addExport(program, terminal);
  addObjects(program, terminal);
  addMigrate(program, terminal);
  addDoctor(program, terminal);
  addKeys(program, terminal);
  addIssuers(program, terminal);
  addSecrets(program, terminal);
  addExplain(program, terminal);
  addRevoke(program, terminal);
  addAudit(program, terminal);
  addConfig(program, terminal);
  addPurge(program, terminal);
  addQuickstart(program, terminal);
  addCompletion(program, terminal);
  addHelp(program);
  return program;
}

function wordsOf(command: Command): string {
  const { parent } = command;
  return parent === null || parent.parent === null ? command.name() : `${wordsOf(parent)} ${command.name()}`;
}
