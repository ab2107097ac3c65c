import { writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import Database from 'better-sqlite3';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { runCli } from '../../../src/cli/program.ts';
import { SystemClock } from '../../../src/domain/clock.ts';
import { issuedToken } from '../../support/requests/attack-material.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** `tessera revoke` with a running server: its output, and what the server then refuses. */
let tessera: TestTesseraServer;
interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** After this the key no longer signs. */
async function replaceKey(kid: string): Promise<void> {
  await tessera.cli(['keys', 'rotate', 'acme']);
  const { keys } = JSON.parse(await tessera.cli(['keys', 'list', 'acme', '-o', 'json'])) as { keys: { kid: string }[] };
  const next = keys.find((key) => key.kid !== kid)!.kid;
  await tessera.cli(['keys', 'activate', 'acme', next, '--dangerously-before-verifiers-know-it']);
}

/** Like a full disk: the table accepts no more rows. */
function refuseWrites(statement: string): void {
  const database = new Database(`${tessera.config.dataDirectory}/control.sqlite`);
  database.exec(`CREATE TRIGGER refuse_writes BEFORE ${statement} BEGIN SELECT RAISE(ABORT, 'refused'); END`);
  database.close();
}

function acceptWrites(): void {
  const database = new Database(`${tessera.config.dataDirectory}/control.sqlite`);
  database.exec('DROP TRIGGER refuse_writes');
  database.close();
}

const revoke = (args: readonly string[], stdin?: string) => run(['revoke', ...args], stdin);

async function run(args: readonly string[], stdin = ''): Promise<Run> {
  const written = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof written) => ({ write: (text: string) => (written[name] += text) });
  const code = await runCli(args, {
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    clock: new SystemClock(),
    loadConfig: () => tessera.config,
  });
  await tessera.caughtUp();
  return { code, ...written };
}

const statusOf = async (token: string) =>
  (await tessera.get('/auth/user/profile', { authorization: `Bearer ${token}` })).status;
const entries = async () => ((await tessera.get('/revocations')).body['entries'] as Record<string, unknown>[]) ?? [];

describe('revokes', () => {
  // A revocation of a subject or tenant also hits tokens that the next test gets in the same second.
  beforeEach(async () => {
    tessera = await startTessera();
  });
  afterEach(() => tessera.close());

  it.each<[string, (token: string) => readonly string[], Record<string, unknown>]>([
    ['a token by its id', (token) => ['--jti', `acme/${decodeJwt(token).jti!}`], { kind: 'token' }],
    ['a subject', () => ['--subject', 'acme/u-ada'], { kind: 'subject', id: 'u-ada' }],
    ['a subject, its tenant apart', () => ['--tenant', 'acme', '--subject', 'u-ada'], { kind: 'subject', id: 'u-ada' }],
    ['a subject by its e-mail address', () => ['--subject', 'acme/ADA@acme.Example'], { kind: 'subject', id: 'u-ada' }],
    ['a subject by its id, unseen', () => ['--subject', 'acme/u-ada', '--force'], { kind: 'subject', id: 'u-ada' }],
    ['a client', () => ['--client', 'acme/shop/web'], { kind: 'client', id: 'web' }],
    ['a client without its project', () => ['--client', 'acme/web'], { kind: 'client', id: 'web' }],
    ['a tenant', () => ['--tenant', 'acme'], { kind: 'tenant', id: '*' }],
  ])('%s', async (_name, args, entry) => {
    const token = await issuedToken(tessera, 'user');
    const result = await revoke(args(token));
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toMatch(/^Revoked /);
    expect(await entries()).toMatchObject([{ seq: 1, iss: `${tessera.url}/tenants/acme`, ...entry }]);
    expect(await statusOf(token)).toBe(401);
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ['a user who is disabled', ['--subject', 'acme/u-bob'], ['u-bob']],
    ['an administrator', ['--subject', 'acme/a-root'], ['a-root']],
    ['an administrator by e-mail address', ['--subject', 'acme/Root@acme.example'], ['a-root']],
    ['somebody who is gone', ['--subject', 'acme/u-gone', '--force'], ['u-gone']],
    ['a client that is gone', ['--client', 'acme/shop/old', '--force'], ['old']],
    ['a tenant that is gone', ['--tenant', 'gone', '--force'], ['*']],
  ])('%s', async (_name, args, revoked) => {
    expect(await revoke(args)).toMatchObject({ code: 0, stderr: '' });
    expect((await entries()).map(({ id }) => id)).toEqual(revoked);
  });

  it('with --force while the tenant’s database does not answer, and reports the outage without --force', async () => {
    await writeFile(`${tessera.config.dataDirectory}/tenants/acme.sqlite`, 'not a database');
    const result = await revoke(['--subject', 'acme/u-ada']);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/^The database of tenant acme cannot be searched .*--force/);
    expect((await revoke(['--subject', 'acme/ada@acme.example', '--force'])).code).toBe(1);
    expect(await entries()).toEqual([]);
    expect((await revoke(['--subject', 'acme/u-ada', '--force'])).code).toBe(0);
    expect(await entries()).toMatchObject([{ kind: 'subject', id: 'u-ada' }]);
  });

  it('a given token, without printing it', async () => {
    const [token, other] = [await issuedToken(tessera, 'user'), await issuedToken(tessera, 'user')];
    const result = await revoke(['--token', '-', '-o', 'json'], `${token}\n`);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    const { jti, exp } = decodeJwt(token);
    expect(JSON.parse(result.stdout)).toEqual({
      dry_run: false,
      revoked: [{ seq: 1, iss: `${tessera.url}/tenants/acme`, kind: 'token', id: jti, until: exp! + 300 }],
    });
    expect([await statusOf(token), await statusOf(other)]).toEqual([401, 200]);
  });

  it('a key, in the ring and in the feed, and completes an interrupted command', async () => {
    const token = await issuedToken(tessera, 'user');
    const { kid } = decodeProtectedHeader(token);
    const signs = await revoke(['--key', `acme/${kid!}`]);
    expect(signs).toMatchObject({ code: 1, stdout: '' });
    expect(signs.stderr).toContain('tessera keys rotate');
    await replaceKey(kid!);
    expect(await entries()).toEqual([]);
    for (const seq of [1, 2]) {
      expect((await revoke(['--key', `acme/${kid!}`])).code).toBe(0);
      expect((await entries()).at(-1)).toEqual({
        seq,
        iss: `${tessera.url}/tenants/acme`,
        kind: 'key',
        id: kid,
        until: expect.any(Number),
      });
    }
    expect((await tessera.get('/tenants/acme/jwks.json')).text).not.toContain(kid);
    expect(await statusOf(token)).toBe(401);
  });

  it('for pollers what `keys revoke` revokes', async () => {
    const { kid } = decodeProtectedHeader(await issuedToken(tessera, 'user'));
    await replaceKey(kid!);
    await tessera.cli(['keys', 'revoke', 'acme', kid!]);
    await tessera.caughtUp();
    expect(await entries()).toMatchObject([{ kind: 'key', id: kid }]);
  });

  it.each([
    ['revoke --key', (kid: string) => ['revoke', '--key', `acme/${kid}`]],
    ['keys revoke', (kid: string) => ['keys', 'revoke', 'acme', kid]],
  ])('a key for followers with `%s`, also when the servers cannot be told of the ring', async (_name, args) => {
    const token = await issuedToken(tessera, 'user');
    const { kid } = decodeProtectedHeader(token);
    await replaceKey(kid!);
    refuseWrites('UPDATE ON tenants');
    const result = await run(args(kid!));
    expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(/Do not repeat the command\.\n$/) });
    expect(await entries()).toMatchObject([{ kind: 'key', id: kid }]);
    expect(await statusOf(token)).toBe(401);
  });

  it.each([
    ['revoke --key', (kid: string) => ['revoke', '--key', `acme/${kid}`]],
    ['keys revoke', (kid: string) => ['keys', 'revoke', 'acme', kid]],
  ])('a key with `%s`, and prints the fix when the feed cannot be written', async (_name, args) => {
    const { kid } = decodeProtectedHeader(await issuedToken(tessera, 'user'));
    await replaceKey(kid!);
    refuseWrites('INSERT ON revocations');
    const result = await run(args(kid!));
    expect(result).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`Run: tessera revoke --key acme/${kid!}`),
    });
    expect(await tessera.cli(['keys', 'list', 'acme'])).toMatch(new RegExp(`${kid!} .*revoked`));
    // As if the first command was killed half-way: the next one completes it.
    acceptWrites();
    expect((await run(args(kid!))).code).toBe(0);
    expect(await entries()).toMatchObject([{ kind: 'key', id: kid }]);
  });
});

describe('without a change', () => {
  beforeAll(async () => {
    tessera = await startTessera();
  });
  afterAll(() => tessera.close());

  it('prints with --dry-run what it would do, and does nothing', async () => {
    const token = await issuedToken(tessera, 'user');
    for (const args of [
      ['--token', '-'],
      ['--subject', 'acme/u-ada'],
      ['--tenant', 'acme'],
    ]) {
      const result = await revoke([...args, '--dry-run'], token);
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(result.stdout).toMatch(/^Would revoke .* this was a dry run, nothing was changed\.\n/);
    }
    const { stdout } = await revoke(['--client', 'acme/shop/web', '--dry-run', '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({ dry_run: true, revoked: [{ kind: 'client', id: 'web' }] });
    expect(stdout).not.toContain('seq');
    expect(await entries()).toEqual([]);
    expect(await statusOf(token)).toBe(200);
  });

  it.each<[string, readonly string[], RegExp?]>([
    ['an unknown tenant', ['--tenant', 'nobody']],
    ['an unknown client', ['--client', 'acme/shop/nobody']],
    ['a client of another project', ['--client', 'acme/closed/web']],
    ['a subject that is nobody', ['--subject', 'acme/u-nobody'], /no such user or administrator/],
    ['an id in other case', ['--subject', 'acme/U-ada'], /no such user/],
    ['an e-mail address of nobody', ['--subject', 'acme/ada@elsewhere.example'], /no such user/],
    ['an e-mail address of nobody with --force', ['--subject', 'acme/x@acme.example', '--force'], /no such user/],
    ['a subject of another tenant', ['--subject', 'globex/u-ada'], /no such user/],
    ['an unknown key', ['--key', 'acme/nobody']],
    ['text that is no token', ['--token', '-']],
  ])('refuses %s, and changes nothing', async (_name, args, sentence: RegExp = /./) => {
    const result = await revoke(args, 'not a token');
    expect(result).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(sentence) });
    expect(await entries()).toEqual([]);
  });

  it('refuses a token of another installation, one that is forged, and an expired one', async () => {
    const token = await issuedToken(tessera, 'user');
    const other = await startTessera();
    const foreign = await issuedToken(other, 'user');
    await other.close();
    for (const bad of [foreign, `${token.slice(0, -8)}AAAAAAAA`]) {
      const result = await revoke(['--token', '-'], bad);
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(result.stderr).not.toContain(bad.slice(0, 40));
    }
    expect(await entries()).toEqual([]);
  });

  it.each([
    ['nothing', []],
    ['two things', ['--jti', 'acme/a', '--subject', 'acme/b']],
    ['a token with its tenant', ['--token', '-', '--tenant', 'acme']],
    ['a token on the command line', ['--token', 'eyJ0eXAiOiJhdCtqd3QifQ.secret.secret']],
    ['no tenant', ['--jti', 'a']],
    ['an empty id', ['--jti', 'acme/']],
    ['a token id of another form', ['--jti', 'acme/dc01fe08-2f83-4c99-80e5']],
    ['a token id in capitals', ['--jti', 'acme/DC01FE08-2F83-4C99-80E5-BC22AA3230E5']],
    ['an id with a line break', ['--subject', 'acme/a\nb']],
  ])('is wrong use with %s', async (_name, args) => {
    const result = await revoke(args);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toMatch(/^error: /);
    expect(result.stderr).not.toContain('secret');
  });
});
