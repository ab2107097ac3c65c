import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TestInstallation } from './installation.ts';

const run = promisify(execFile);

let installation: TestInstallation;
let script: string;
/** The folder of the shell, with one file and one folder. */
let folder: string;

beforeAll(async () => {
  installation = await TestInstallation.make();
  const result = await installation.run(['completion', 'bash']);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  script = result.stdout;
  folder = await mkdtemp(join(tmpdir(), 'tessera-completion-'));
  await writeFile(join(folder, 'tenants.yaml'), '');
});
afterAll(async () => {
  await installation.remove();
  await rm(folder, { recursive: true });
});

/** What a real bash offers with the cursor behind the last word; a line that ends with a space has begun an empty one. */
async function offered(line: string): Promise<string[]> {
  const words: string[] = line.match(/=|[^\s=]+/g) ?? [];
  if (line.endsWith(' ')) words.push('');
  const { stdout, stderr } = await run(
    'bash',
    [
      '--norc',
      '-uc',
      `${script}
cd "$1" && shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
"$(complete -p tessera | sed -E 's/.*-F ([^ ]+) tessera$/\\1/')"
if ((\${#COMPREPLY[@]})); then printf '%s\\n' "\${COMPREPLY[@]}"; fi`,
      'bash',
      folder,
      ...words,
    ],
    { env: { PATH: process.env['PATH'] } },
  );
  expect(stderr).toBe('');
  return stdout.split('\n').filter((word) => word !== '');
}

describe('tessera completion bash', () => {
  it.each([
    ['tessera ke', ['keys']],
    ['tessera --ver', ['--version']],
    ['tessera keys ', ['list', 'rotate', 'activate', 'retire', 'revoke']],
    ['tessera keys re', ['retire', 'revoke']],
    ['tessera projects ', ['list', 'show']],
    ['tessera project ', ['list', 'show']],
    ['tessera help project ', ['list', 'show']],
    ['tessera keys rotate acme --l', ['--lead']],
    ['tessera keys rotate acme --output ', ['text', 'json']],
    ['tessera keys rotate acme --output=', ['text', 'json']],
    ['tessera keys rotate acme --output=j', ['json']],
    ['tessera keys rotate acme -o t', ['text']],
    ['tessera issuers check acme --surface a', ['admin']],
    ['tessera apply --file ', ['tenants.yaml']],
    ['tessera apply -f ten', ['tenants.yaml']],
    ['tessera apply -f tenants.yaml --pr', ['--prune', '--prune-tenants']],
    ['tessera completion ', ['bash']],
    ['tessera help se', ['secrets']],
    ['tessera help keys ro', ['rotate']],
  ])('completes %j to %j', async (line, words) => {
    expect(await offered(line)).toEqual(words);
  });

  it.each([
    ['a value that nobody can guess', 'tessera keys rotate acme --lead '],
    ['a word that fits nothing', 'tessera keys x'],
    ['a command that is already complete in help', 'tessera help keys rotate '],
  ])('offers nothing for %s', async (_, line) => {
    expect(await offered(line)).toEqual([]);
  });

  it('does not take the value of an option for a command', async () => {
    expect(await offered('tessera secrets add acme/shop/web --label list --exp')).toEqual(['--expires-in']);
    expect(await offered('tessera secrets add acme/shop/web --label=retire --exp')).toEqual(['--expires-in']);
  });

  it('refuses another shell with the shells that it knows', async () => {
    const result = await installation.run(['completion', 'tcsh']);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toContain('Allowed choices are bash.');
  });
});

describe('tessera help', () => {
  it.each(['apply', 'keys', 'keys rotate', 'issuers check'])('%s shows what --help shows', async (command) => {
    const words = command.split(' ');
    const help = await installation.run(['help', ...words]);
    expect(help).toEqual(await installation.run([...words, '--help']));
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain(`Usage: tessera ${command}`);
  });

  it('without a command shows all of them', async () => {
    expect(await installation.run(['help'])).toEqual(await installation.run(['--help']));
  });

  it.each([
    ['kyes', "tessera has no command 'kyes'"],
    ['keys turn', "tessera keys has no command 'turn'"],
  ])('refuses %s', async (command, sentence) => {
    const result = await installation.run(['help', ...command.split(' ')]);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toContain(sentence);
  });
});
