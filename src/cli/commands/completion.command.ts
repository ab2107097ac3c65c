import { Argument, type Command } from 'commander';
import { bashCompletion } from '../completion/bash-completion.ts';
import { completionsOf } from '../completion/completions.ts';
import type { Terminal } from '../terminal.ts';

export function addCompletion(program: Command, terminal: Terminal): void {
  program
    .command('completion')
    .summary('print a script that completes commands and options in a shell')
    .description(
      'Prints a script for a shell, which then completes commands, options and their values. Load it from ~/.bashrc, or write it to the folder of your completions.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash']))
    .addHelpText(
      'after',
      `
Examples:
  $ source <(tessera completion bash)
  $ tessera completion bash > ~/.local/share/bash-completion/completions/tessera`,
    )
    .action(() => {
      terminal.stdout.write(bashCompletion(completionsOf(program)));
    });
}
