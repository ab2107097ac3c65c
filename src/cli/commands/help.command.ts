import type { Command } from 'commander';

/** `tessera help keys rotate`. Commander's own help command looks at one word only, and would show the help of `keys`. */
export function addHelp(program: Command): void {
  program
    .helpCommand(false)
    .command('help')
    .summary('show the help of a command')
    .description('Shows the help of a command, like --help behind it.')
    .argument('[command...]', 'the words of the command')
    .addHelpText('after', '\nExamples:\n  $ tessera help apply\n  $ tessera help keys rotate')
    .action((words: readonly string[]) => {
      commandNamed(program, words).outputHelp();
    });
}

function commandNamed(program: Command, words: readonly string[]): Command {
  let command = program;
  for (const word of words) {
    const inner = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (inner === undefined)
      return command.error(`error: ${pathOf(command)} has no command '${word}'`, { code: 'commander.unknownCommand' });
    command = inner;
  }
  return command;
}

/**
 * Refuses `tessera tenant-typo --help`, for which Commander shows the help of the program as if it had been meant. Words after a command without
 * subcommands are its arguments.
 *
 * @throws CommanderError
 */
export function refuseHelpOfUnknown(program: Command, args: readonly string[]): void {
  const end = args.indexOf('--');
  const given = end === -1 ? args : args.slice(0, end);
  if (!given.some((word) => word === '--help' || word === '-h')) return;
  let command = program;
  for (const word of given) {
    if (word.startsWith('-')) continue;
    if (command.commands.length === 0) return;
    command = commandNamed(command, [word]);
  }
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
