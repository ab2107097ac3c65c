import type { Command, Option } from 'commander';

/** What may follow an option: one of some words, a file, or text that nobody can guess. */
export type OptionValue = readonly string[] | 'file' | 'text';

/** What may stand at one place of the command line. */
export interface Completions {
  /** The words of the command: empty for `tessera` itself, `['keys', 'rotate']` for that. */
  readonly path: readonly string[];
  /** Subcommands, and the values of an argument that has a choice. */
  readonly words: readonly string[];
  readonly options: readonly string[];
  /** Options that take a value, by each of their flags. */
  readonly values: ReadonlyMap<string, OptionValue>;
}

/**
 * Reads every command and option from the program, so that a new command is completed without a change here.
 *
 * @returns one row for each command, groups such as `keys` included
 */
export function completionsOf(program: Command): Completions[] {
  return [...rowsOf(program, []), ...helpRowsOf(program, ['help'])];
}

function rowsOf(command: Command, path: readonly string[]): Completions[] {
  // `help` has a row for each command that it can name.
  if (path.join(' ') === 'help') return [];
  const visible = command.createHelp().visibleOptions(command);
  const row: Completions = {
    path,
    words: [...subcommandsOf(command), ...command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices)],
    options: visible.flatMap(flagsOf),
    values: new Map(
      visible.flatMap((option) =>
        option.required || option.optional ? flagsOf(option).map((flag) => [flag, valueOf(option)] as const) : [],
      ),
    ),
  };
  return [row, ...innerRowsOf(command, path, rowsOf)];
}

function helpRowsOf(command: Command, path: readonly string[]): Completions[] {
  const row: Completions = { path, words: subcommandsOf(command), options: [], values: new Map() };
  return [row, ...innerRowsOf(command, path, helpRowsOf)];
}

/** An alias is not offered as a word, but what follows it is. */
function innerRowsOf(command: Command, path: readonly string[], rows: typeof rowsOf): Completions[] {
  return command.commands.flatMap((inner) =>
    [inner.name(), ...inner.aliases()].flatMap((name) => rows(inner, [...path, name])),
  );
}

function subcommandsOf(command: Command): string[] {
  return command.commands.map((inner) => inner.name());
}

function flagsOf({ short, long }: Option): string[] {
  return [short, long].filter((flag) => flag !== undefined);
}

function valueOf({ argChoices, flags }: Option): OptionValue {
  return argChoices ?? (/<path>/.test(flags) ? 'file' : 'text');
}
