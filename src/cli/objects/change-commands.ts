import type { Command } from 'commander';
import { outputOption } from '../options.ts';
import type { Terminal } from '../terminal.ts';
import { CHANGES, type Given } from './change-table.ts';
import { type ObjectPath, pathArgument, type PathKind, PATHS } from './object-path.ts';
import { type ChangeOptions, runChange } from './run-change.ts';

/** Adds the commands that change one thing of this kind. */
export function addChanges(group: Command, kind: PathKind, terminal: Terminal): void {
  const { form, example } = PATHS[kind];
  for (const change of CHANGES[kind] ?? []) {
    const command = group
      .command(change.name)
      .summary(change.summary)
      .description(change.description)
      .argument(`<${kind}>`, form, pathArgument(kind));
    if (change.operand !== undefined) command.addArgument(change.operand);
    for (const option of change.options ?? []) command.addOption(option);
    const words = ['tessera', kind, change.name, example, ...(change.example === undefined ? [] : [change.example])];
    command
      .option('--dry-run', 'show what would change, and change nothing', false)
      .addOption(outputOption())
      .addHelpText('after', `\nExample:\n  $ ${words.join(' ')}`)
      .action((path: ObjectPath, ...rest: readonly unknown[]) => {
        const operand = change.operand === undefined ? '' : (rest[0] as string);
        const options = command.opts<ChangeOptions & Given['options']>();
        return runChange(kind, change.build({ operand, options }), path, options, terminal);
      });
  }
}
