import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from './configuration-error.ts';
import { readEnvFile } from './env-file.ts';

const CANARY = 'c4nary-that-must-not-show';
const NOT_UTF8 = 'it is not text in UTF-8: save the file as UTF-8';
const NO_ASSIGNMENT = 'it is not an assignment: write NAME=value, or # before a comment';
const OPEN_QUOTE = 'its quote is not closed: close it on the same line';
const AFTER_QUOTES = 'something follows its quotes: quote the whole value';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-env-'));
  file = join(folder, '.env');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function read(content: string | Buffer) {
  writeFileSync(file, content);
  return readEnvFile(file);
}

function errorsOf(content: string | Buffer): readonly string[] {
  try {
    read(content);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    expect(error.message).not.toContain(CANARY);
    return error.errors;
  }
  throw new Error('the file was accepted');
}

describe('readEnvFile', () => {
  it('reads assignments, between blank lines and comments', () => {
    expect(
      read(
        [
          '# a comment',
          '',
          '  # another',
          'A=1',
          'export B = two words ',
          `C="three # and 'more'"`,
          "D='four'",
          'E=five # comment',
          'H="six" # comment',
          'F=',
          'DATABASE_URL=mysql://u:p%23@h:3306/n?x=y=z',
          'G=ü',
        ].join('\n'),
      ),
    ).toEqual({
      A: '1',
      B: 'two words',
      C: "three # and 'more'",
      D: 'four',
      E: 'five',
      H: 'six',
      F: '',
      DATABASE_URL: 'mysql://u:p%23@h:3306/n?x=y=z',
      G: 'ü',
    });
  });

  it('accepts Windows line endings', () => {
    expect(read('A=1\r\n\r\n# x\r\nB="2"\r\n')).toEqual({ A: '1', B: '2' });
  });

  it('reads the first assignment after a byte order mark', () => {
    expect(read('\uFEFFDATABASE_URL=mysql://u:p@h:3306/n\nA=1\n')).toEqual({
      DATABASE_URL: 'mysql://u:p@h:3306/n',
      A: '1',
    });
  });

  it('is empty for a missing file and for an empty one', () => {
    expect(readEnvFile(file)).toEqual({});
    expect(read('')).toEqual({});
    expect(read('\uFEFF')).toEqual({});
  });

  it.each([
    ['a word', CANARY, NO_ASSIGNMENT],
    ['a name that starts with a digit', `1A=${CANARY}`, NO_ASSIGNMENT],
    ['no name', `=${CANARY}`, NO_ASSIGNMENT],
    ['a name with a space', `A ${CANARY}=1`, NO_ASSIGNMENT],
    ['a colon for the sign', `A: ${CANARY}`, NO_ASSIGNMENT],
    ['a byte order mark in a later line', `\uFEFFA=${CANARY}`, NO_ASSIGNMENT],
    ['a no-break space', `\u00a0A=${CANARY}`, NO_ASSIGNMENT],
    ['an open quote', `A="${CANARY}`, OPEN_QUOTE],
    ['text after its quotes', `A="1"${CANARY}`, AFTER_QUOTES],
    ['an open apostrophe', `A='${CANARY}`, OPEN_QUOTE],
    ['a carriage return as the line ending', `A=1\rB=${CANARY}`, NOT_UTF8],
    ['NUL', `A=${CANARY}\0`, NOT_UTF8],
    ['Latin-1', Buffer.from(`A=${CANARY}é`, 'latin1'), NOT_UTF8],
    ['an overlong form', Buffer.concat([Buffer.from(`A=${CANARY}`), Buffer.from([0xc0, 0xaf])]), NOT_UTF8],
  ])('refuses a line with %s by its number', (_, line, error) => {
    const content = Buffer.concat([Buffer.from('# first\nB=1\n'), Buffer.from(line), Buffer.from('\nC=2\n')]);
    expect(errorsOf(content)).toEqual([`.env, line 3: ${error}`]);
  });

  it.each([
    ['UTF-16LE', Buffer.from(`\uFEFFA=${CANARY}\nB=2\n`, 'utf16le')],
    ['UTF-16LE, without a mark', Buffer.from(`A=${CANARY}\nB=2\n`, 'utf16le')],
    ['UTF-16BE', Buffer.from(`\uFEFFA=${CANARY}\nB=2\n`, 'utf16le').swap16()],
    ['UTF-16BE, without a mark', Buffer.from(`A=${CANARY}\nB=2\n`, 'utf16le').swap16()],
  ])('refuses %s', (_, content) => {
    expect(errorsOf(content)[0]).toBe(`.env, line 1: ${NOT_UTF8}`);
  });

  it('names all invalid lines, and only the first of very many', () => {
    expect(errorsOf('A=1\nx\nB=2\ny\n')).toEqual([`.env, line 2: ${NO_ASSIGNMENT}`, `.env, line 4: ${NO_ASSIGNMENT}`]);
    const errors = errorsOf(Buffer.alloc(100, 'x\n'));
    expect(errors).toHaveLength(11);
    expect(errors.at(-1)).toBe('.env: 40 more lines are wrong');
  });

  it('refuses a file that exists and cannot be read', () => {
    mkdirSync(file);
    expect(() => readEnvFile(file)).toThrow('.env exists and cannot be read (EISDIR)');
    chmodSync(file, 0o700);
  });
});
