import { Readable } from 'node:stream';
import { decodeJwt } from 'jose';
import { runCli } from '../../../src/cli/program.ts';
import { SystemClock } from '../../../src/domain/clock.ts';
import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import { oauthRefusal, TokenEndpointUser, tokenOf } from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** `tessera audit` and `tessera revoke` about tokens of the token endpoint. */
let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
/** Each was exchanged from the one before. */
let root: string;
let middle: string;
let last: string;
beforeEach(async () => {
  tessera = await startTessera({ tenantsFile: chainTenants() });
  acme = new TokenEndpointUser(tessera);
  root = await acme.userToken('ada@acme.example');
  middle = tokenOf(await acme.exchange('shop/api', root, { audience: 'stock-api' }));
  last = tokenOf(await acme.exchange('shop/stock', middle, { audience: 'ledger-api' }));
});
afterEach(() => tessera.close());

const idOf = (token: string): string => decodeJwt(token).jti!;

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof written) => ({ write: (text: string) => (written[name] += text) });
  const code = await runCli(args, {
    stdin: Readable.from([]),
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
const statuses = async () => [await statusOf(root), await statusOf(middle), await statusOf(last)];

async function recordedTokens(...args: string[]): Promise<unknown[]> {
  const { stdout } = await run('audit', '-o', 'json', ...args);
  return (JSON.parse(stdout) as { records: { token_id: string }[] }).records.map((record) => record.token_id);
}

describe('tessera audit', () => {
  it('says what a token of the token endpoint was issued for', async () => {
    await acme.clientCredentials('shop/api');
    await acme.exchange('shop/mute', root, { audience: 'stock-api' });
    const { stdout } = await run('audit', '--tenant', 'acme');
    const why = stdout
      .split('\n')
      .flatMap((line) => /shop\/(?:api|stock|mute|web) .*?\/token +(.*)$/.exec(line)?.[1] ?? []);
    expect(why).toEqual([
      `token-exchange for stock-api by shop/api, from token ${idOf(root)}`,
      `token-exchange for ledger-api by shop/stock, from token ${idOf(middle)}`,
      'client_credentials for shop-api',
      'the client may not exchange tokens',
    ]);
  });

  it('finds with --chain the tokens that a token was exchanged from, and without it none of them', async () => {
    expect(await recordedTokens('--token', idOf(last))).toEqual([idOf(last)]);
    expect(await recordedTokens('--token', idOf(last), '--chain')).toEqual([root, middle, last].map(idOf));
    expect(await recordedTokens('--tenant', 'acme', '--token', idOf(middle), '--chain')).toEqual(
      [root, middle].map(idOf),
    );
    expect(await recordedTokens('--token', idOf(root), '--chain')).toEqual([idOf(root)]);
    expect(await recordedTokens('--tenant', 'globex', '--token', idOf(last), '--chain')).toEqual([]);
  });

  it.each([[['--chain']], [['--token', 'x', '--chain', '--follow']]])('is wrong use with %j', async (args) => {
    expect(await run('audit', ...args)).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('tessera revoke --jti', () => {
  it('of a root ends it and all that was exchanged from it', async () => {
    const { code, stdout } = await run('revoke', '--jti', `acme/${idOf(root)}`);
    expect({ code, lines: stdout.trim().split('\n').length }).toEqual({ code: 0, lines: 1 });
    expect(await statuses()).toEqual([401, 401, 401]);
  });

  it('of a token from an exchange ends all that was exchanged from its root, as its audit record says', async () => {
    const { code, stdout } = await run('revoke', '--jti', `acme/${idOf(middle)}`);
    expect(code).toBe(0);
    expect(stdout).toContain(`all tokens that were exchanged from ${idOf(root)} until now are revoked, too`);
    expect(await statuses()).toEqual([200, 401, 401]);
  });

  it('with --force reads no record, so it ends that token alone and says so', async () => {
    const { code, stdout } = await run('revoke', '--jti', `acme/${idOf(middle)}`, '--force');
    expect(code).toBe(0);
    expect(stdout).toContain('No audit record of this token was read.');
    expect(stdout).toContain('--token -');
    expect(await statuses()).toEqual([200, 401, 200]);
  });

  it('of a token without a record says that it knows no chain', async () => {
    const { code, stdout } = await run('revoke', '--jti', 'acme/dc01fe08-2f83-4c99-80e5-bc22aa3230e5', '--dry-run');
    expect({ code, note: stdout.includes('No audit record of this token was read.') }).toEqual({ code: 0, note: true });
  });

  it('reads the records of its own tenant only', async () => {
    const { stdout } = await run('revoke', '--jti', `globex/${idOf(middle)}`, '--dry-run', '-o', 'json');
    expect(stdout).not.toContain(idOf(root));
  });
});

describe('tessera revoke --subject', () => {
  it('of a client ends its own tokens, and those that name it as an actor', async () => {
    const own = tokenOf(await acme.clientCredentials('shop/api'));
    const exchangedByOther = tokenOf(await acme.exchange('shop/api', own, { audience: 'stock-api' }));
    const { code, stdout, stderr } = await run('revoke', '--subject', 'acme/client:shop/api');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Revoked all tokens of subject client:shop\/api in acme /);
    expect(stdout).toContain('The client can get new tokens');
    expect(await statuses()).toEqual([200, 401, 401]);
    for (const token of [own, exchangedByOther]) {
      const answer = await acme.exchange('shop/stock', token, { audience: 'ledger-api' });
      expect(oauthRefusal(answer)).toBe('400 invalid_grant');
    }
  });

  it.each([
    ['acme/client:shop/nobody', 'no such client'],
    ['acme/client:nowhere/api', 'no such client'],
    ['globex/client:shop/ledger', 'no such client'],
    ['acme/client:shop', 'no such user or administrator'],
  ])('refuses %s, which is no client', async (subject, sentence) => {
    const result = await run('revoke', '--subject', subject);
    expect(result).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(sentence) });
    expect(await statuses()).toEqual([200, 200, 200]);
  });

  it('takes a client that is gone with --force', async () => {
    expect((await run('revoke', '--subject', 'acme/client:shop/gone', '--force')).code).toBe(0);
  });
});
