import type { Command } from 'commander';
import { buildProgram } from '../../../src/cli/program.ts';
import { SystemClock } from '../../../src/domain/clock.ts';
import { codeBlocks, firstCells, readPage, section } from '../../support/fixtures/markdown.ts';
import { TestInstallation } from '../cli/installation.ts';

const page = readPage('docs/cli.md');
const nowhere = { write: () => undefined };

function program(): Command {
  return buildProgram({
    stdin: { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }) },
    stdout: nowhere,
    stderr: nowhere,
    clock: new SystemClock(),
    loadConfig: () => {
      throw new Error('no command is run here');
    },
  });
}

interface Leaf {
  readonly command: Command;
  /** Without `tessera`, such as `keys list`. */
  readonly path: string;
  /** With its arguments, as in the heading. */
  readonly usage: string;
  readonly parameters: readonly string[];
}

/** The commands without subcommands. */
function leavesOf(command: Command, path: readonly string[] = []): Leaf[] {
  if (command.commands.length > 0) return command.commands.flatMap((inner) => leavesOf(inner, [...path, inner.name()]));
  const parameters = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  );
  return [{ command, path: path.join(' '), usage: ['tessera', ...path, ...parameters].join(' '), parameters }];
}

const leaves = leavesOf(program());

/** Cells of the table of a command, by the first cell. */
function rowsOf(usage: string): Map<string, string> {
  const text = section(page, `### \`${usage}\``);
  const rows = [...text.matchAll(/^\| *`([^`]+)` *\| *([^|]*?) *\|/gm)];
  return new Map(rows.map(([, name = '', fallback = '']) => [name, fallback]));
}

function examplesOf(usage: string): string[] {
  return codeBlocks(section(page, `### \`${usage}\``)).flatMap(({ code }) => code.trim().split('\n'));
}

/** Splits words and double quotes like a shell, and drops redirections. */
function words(line: string): string[] {
  return [...line.replace(/ [<>] \S+$/, '').matchAll(/"([^"]*)"|(\S+)/g)].map(
    ([, quoted, word]) => quoted ?? word ?? '',
  );
}

describe('docs/cli.md', () => {
  it('has a heading for every command with its arguments, and no other', () => {
    const headings = [...page.matchAll(/^### `(tessera [^`]+)`$/gm)].map(([, usage]) => usage);
    expect(leaves.length).toBeGreaterThan(10);
    expect(headings.sort()).toEqual(leaves.map(({ usage }) => usage).sort());
  });

  it.each(leaves)(
    'has a row for every argument and option of $path, and no other',
    ({ command, usage, parameters }) => {
      const flags = command.options.map((option) => option.flags);
      expect([...rowsOf(usage).keys()].sort()).toEqual([...parameters, ...flags].sort());
    },
  );

  it.each(leaves)('says what $path needs and takes by default', ({ command, usage }) => {
    const rows = rowsOf(usage);
    for (const argument of command.registeredArguments)
      if (argument.required) expect(rows.get(`<${argument.name()}>`)).toBe('required');
    for (const option of command.options) {
      if (option.mandatory) expect(rows.get(option.flags)).toBe('required');
      if (typeof option.defaultValue === 'string') expect(rows.get(option.flags)).toBe(`\`${option.defaultValue}\``);
    }
  });

  it.each(leaves)('has an example of $path that the program accepts', async ({ path, usage }) => {
    const lines = examplesOf(usage);
    expect(lines).not.toEqual([]);
    for (const line of lines) {
      const parsing = program();
      const ran: string[] = [];
      for (const leaf of leavesOf(parsing)) leaf.command.action(() => void ran.push(leaf.path));
      const [name, ...args] = words(line);
      expect(name).toBe('tessera');
      await parsing.parseAsync(args, { from: 'user' });
      expect(ran).toEqual([path]);
    }
  });

  it('has a row for every exit code, as the program uses them', async () => {
    const documented = firstCells(section(page, '## Exit codes')).map((cell) => Number(cell.replaceAll('`', '')));
    const installation = await TestInstallation.make();
    try {
      const ended = [['--help'], ['keys', 'list', 'nobody'], ['nonsense']].map(
        async (args) => (await installation.run(args)).code,
      );
      expect(await Promise.all(ended)).toEqual(documented);
    } finally {
      await installation.remove();
    }
  });
});
