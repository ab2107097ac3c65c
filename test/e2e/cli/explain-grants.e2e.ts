import { Readable } from 'node:stream';
import { runCli } from '../../../src/cli/program.ts';
import { SystemClock } from '../../../src/domain/clock.ts';
import type { Answer } from '../../support/requests/answer.ts';
import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import { claimsOf, TokenEndpointUser, tokenOf } from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** `tessera explain --grant`: what it says, and that a server says the same. */
let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
let adas: string;
beforeAll(async () => {
  tessera = await startTessera({ tenantsFile: chainTenants() });
  acme = new TokenEndpointUser(tessera);
  adas = await acme.userToken('ada@acme.example');
});
afterAll(() => tessera.close());

interface Step {
  readonly step: string;
  readonly outcome: string;
  readonly reason?: string;
}
interface Explained {
  readonly code: number;
  readonly stderr: string;
  readonly decision: string;
  readonly claims: Readonly<Record<string, unknown>> | null;
  readonly scopes: readonly object[];
  readonly steps: readonly Step[];
}

async function run(args: readonly string[], stdin = ''): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof written) => ({ write: (text: string) => (written[name] += text) });
  const code = await runCli(['explain', ...args], {
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    clock: new SystemClock(),
    loadConfig: () => tessera.config,
  });
  return { code, ...written };
}

async function explained(args: readonly string[], stdin?: string): Promise<Explained> {
  const { code, stdout, stderr } = await run([...args, '-o', 'json'], stdin);
  return { code, stderr, ...(JSON.parse(stdout) as Omit<Explained, 'code' | 'stderr'>) };
}

const own = (client: string, ...more: string[]) =>
  explained([`acme/${client}`, '--grant', 'client_credentials', ...more]);
const exchange = (client: string, token: string, ...more: string[]) =>
  explained([`acme/${client}`, '--grant', 'token-exchange', '--token', '-', ...more], `${token}\n`);

const refused = ({ steps }: Explained) => steps.find(({ outcome }) => outcome === 'refused');
const outcomes = ({ steps }: Explained) => steps.map(({ step, outcome }) => `${step} ${outcome}`);

/** What no two tokens share. */
function comparable(claims: Readonly<Record<string, unknown>> | null): Record<string, unknown> {
  const { jti, iat, exp, ...others } = claims ?? {};
  expect([typeof jti, typeof iat, typeof exp]).toEqual(['string', 'number', 'number']);
  return others;
}

/** The server gives the token that is explained. */
function expectSame(explanation: Explained, answer: Answer): void {
  expect({ ...explanation, claims: comparable(explanation.claims) }).toMatchObject({
    code: 0,
    stderr: '',
    decision: 'yes',
  });
  expect(comparable(explanation.claims)).toEqual(comparable(claimsOf(answer)));
}

/** The server refuses for the reason that is explained, at the step. */
function expectRefused(explanation: Explained, answer: Answer, step: string, reason: string): void {
  expect(explanation).toMatchObject({ code: 1, decision: 'no', claims: null });
  expect(refused(explanation)).toEqual({ step, outcome: 'refused', reason });
  expect(explanation.stderr.split('\n').slice(0, 2)).toEqual([
    `There would be no token: ${reason}.`,
    `The answer would be ${answer.status} ${String(answer.body['error'])}.`,
  ]);
  expect(tessera.auditReason(answer.requestId)).toBe(reason);
}

describe('tessera explain --grant client_credentials', () => {
  it('shows the steps, the claims that the server gives, and the role of each scope', async () => {
    const rows = tessera.auditRows();
    const explanation = await own('shop/api');
    expect(tessera.auditRows()).toBe(rows);
    expectSame(explanation, await acme.clientCredentials('shop/api'));
    expect(outcomes(explanation)).toEqual([
      'parse ok',
      'limit assumed',
      'tenant ok',
      'client ok',
      'authenticate assumed',
      'service ok',
      'audiences ok',
      'authorize ok',
      'claims ok',
      'sign ok',
    ]);
    expect(explanation.scopes).toEqual([
      { scope: 'mail:send', role: 'manager' },
      { scope: 'orders:read', role: 'manager' },
      { scope: 'orders:read', role: 'robot' },
      { scope: 'orders:write', role: 'manager' },
      { scope: 'stock:count', role: 'robot' },
    ]);
  });

  it('asks for an audience and for scopes, and says what was not asked for', async () => {
    const explanation = await own('shop/api', '--audience', 'stock-api', '--ask-scope', 'mail:send orders:read');
    expectSame(
      explanation,
      await acme.clientCredentials('shop/api', { audience: 'stock-api', scope: 'mail:send orders:read' }),
    );
    expect(explanation.claims).toMatchObject({ aud: 'stock-api', scope: 'mail:send orders:read' });
    expect(explanation.scopes).toContainEqual({ scope: 'orders:write', role: 'manager', cut: 'not asked for' });
  });

  it('says what the client’s bound cut', async () => {
    const explanation = await own('shop/narrow');
    expectSame(explanation, await acme.clientCredentials('shop/narrow'));
    expect(explanation.scopes).toEqual([
      { scope: 'orders:read', role: 'robot' },
      { scope: 'stock:count', role: 'robot', cut: 'not among the scopes of client narrow' },
    ]);
    expect((await own('shop/narrow', '--scope', 'mail:send')).scopes).toEqual([
      { scope: 'mail:send', role: null, cut: 'not granted to the subject' },
    ]);
  });

  it.each([
    ['without tokens of its own', 'shop/mute', {}, [], 'service', 'the client has no tokens of its own'],
    [
      'for another audience',
      'shop/api',
      { audience: 'mail-api' },
      ['--audience', 'mail-api'],
      'audiences',
      'the audience is not one of the client',
    ],
    [
      'with a scope beyond its bound',
      'shop/narrow',
      { scope: 'orders:read stock:count' },
      ['--ask-scope', 'orders:read stock:count'],
      'authorize',
      'a scope that is asked for cannot be granted',
    ],
    [
      'with a malformed scope',
      'shop/api',
      { scope: 'orders:read  x' },
      ['--ask-scope', 'orders:read  x'],
      'parse',
      'the scope is malformed',
    ],
  ] as const)('refuses a client %s, as the server does', async (_, client, parameters, options, step, reason) => {
    expectRefused(await own(client, ...options), await acme.clientCredentials(client, parameters), step, reason);
  });

  it('shows a scope that is asked for in vain', async () => {
    expect((await own('shop/narrow', '--ask-scope', 'mail:send')).scopes).toContainEqual({
      scope: 'mail:send',
      role: null,
      cut: 'not granted to the subject',
    });
  });

  it('says that a client is not there, or not active', async () => {
    expect(refused(await own('shop/nobody'))).toEqual({
      step: 'client',
      outcome: 'refused',
      reason: 'unknown project or client',
    });
    await tessera.apply(chainTenants({ 'status: active # of shop': 'status: disabled # of shop' }));
    const explanation = await own('shop/api');
    await tessera.apply(chainTenants());
    expect(refused(explanation)).toEqual({
      step: 'authenticate',
      outcome: 'refused',
      reason: 'the project is disabled',
    });
    expect(explanation.stderr).toContain('401 invalid_client');
    const unknown = await explained(['nope/shop/api', '--grant', 'client_credentials']);
    expect(refused(unknown)).toEqual({ step: 'tenant', outcome: 'refused', reason: 'unknown tenant' });
    expect(unknown.stderr).toContain('The answer would be 404.\n');
  });

  it('says what is assumed of a client without a secret, and that a secretless one gets nothing', async () => {
    const service = 'service: { roles: [robot] } }';
    const line = `audience: back-api, scopes: unbounded, subjects: any, ${service}`;
    const changed = (members: string) => tessera.apply(chainTenants({ [line]: line.replace(service, `${members} }`) }));
    await changed('service: { roles: [robot] }, policy: null, jwks_uri: "https://keys.example/jwks.json"');
    const explanation = await own('back/web');
    await changed('service: null, jwks_uri: null, policy: { secretless: { networks: ["10.0.0.0/8"] } }');
    const secretless = await own('back/web');
    expect(explanation.decision).toBe('yes');
    expect(explanation.steps[4]).toEqual({
      step: 'authenticate',
      outcome: 'assumed',
      reason: 'the client sends a valid assertion, signed by one of its keys',
    });
    expect(refused(secretless)).toEqual({
      step: 'authenticate',
      outcome: 'refused',
      reason: 'the client is secretless: this endpoint requires credentials',
    });
  });
});

describe('tessera explain of a client without its project', () => {
  it('says that no other project has one of that id', async () => {
    const explanation = await own('api');
    expect(explanation.decision).toBe('yes');
    expect(explanation.steps[3]).toEqual({
      step: 'client',
      outcome: 'ok',
      reason: 'shop/api: no other project has a client of that id',
    });
    expect((await own('shop/api')).steps[3]).toEqual({ step: 'client', outcome: 'ok' });
  });

  it('says that two projects have one, and which names to use', async () => {
    const explanation = await own('web');
    expect(refused(explanation)).toEqual({
      step: 'client',
      outcome: 'refused',
      reason: 'several projects have a client of that id: name the project',
    });
    expect(explanation.stderr.split('\n')).toEqual([
      'There would be no token: several projects have a client of that id: name the project.',
      'The answer would be 401 invalid_client.',
      'Use acme/back/web or acme/shop/web here, and back/web or shop/web as client_id.',
      '',
    ]);
  });
});

describe('tessera explain --grant token-exchange', () => {
  const TO_STOCK = ['--audience', 'stock-api'];
  const STOCK = { audience: 'stock-api' };

  it('shows the steps and the claims that the server gives, and redeems and records nothing', async () => {
    const rows = tessera.auditRows();
    const explanation = await exchange('shop/api', adas, ...TO_STOCK);
    expect(tessera.auditRows()).toBe(rows);
    const answer = await acme.exchange('shop/api', adas, STOCK);
    expectSame(explanation, answer);
    expect(explanation.claims?.['exp']).toBe(claimsOf(answer).exp);
    expect(outcomes(explanation).slice(3, 10)).toEqual([
      'client ok',
      'authenticate assumed',
      'exchange ok',
      'surfaces ok',
      'subject_token ok',
      'receives ok',
      'chain ok',
    ]);
    expect(explanation.scopes).toContainEqual({ scope: 'orders:read', role: 'manager', group: 'sales' });
  });

  it('says what a list of the exchange cut, and what a subset of the presented token', async () => {
    const listed = await exchange('shop/api', adas, '--audience', 'mail-api');
    expectSame(listed, await acme.exchange('shop/api', adas, { audience: 'mail-api' }));
    expect(listed.scopes).toContainEqual({
      scope: 'orders:read',
      role: 'manager',
      group: 'sales',
      cut: 'not among the scopes of the exchange to mail-api',
    });
    const narrow = tokenOf(await acme.exchange('shop/api', adas, { ...STOCK, scope: 'orders:read' }));
    const subset = await exchange('shop/stock', narrow, '--audience', 'ledger-api');
    expectSame(subset, await acme.exchange('shop/stock', narrow, { audience: 'ledger-api' }));
    expect(subset.scopes).toContainEqual({
      scope: 'mail:send',
      role: 'manager',
      group: 'sales',
      cut: 'not in the presented token: the exchange to ledger-api gives a subset of it',
    });
  });

  it('takes a token of a service, within the bound of that service', async () => {
    const token = tokenOf(await acme.clientCredentials('shop/narrow'));
    const explanation = await exchange('shop/api', token, ...TO_STOCK);
    expectSame(explanation, await acme.exchange('shop/api', token, STOCK));
    expect(explanation.scopes).toEqual([
      { scope: 'orders:read', role: 'robot' },
      { scope: 'stock:count', role: 'robot', cut: 'not among the scopes of client narrow' },
    ]);
  });

  it.each([
    ['may exchange nothing', 'shop/mute', {}, 'exchange', 'the client may not exchange tokens'],
    [
      'may exchange for another audience only',
      'shop/api',
      { audience: 'ledger-api' },
      'exchange',
      'the client may not exchange tokens for this audience',
    ],
    ['receives another audience', 'shop/deaf', STOCK, 'receives', 'subject token: it is for another audience'],
    ['has no users', 'shop/admins', STOCK, 'surfaces', 'the client may not have tokens of users'],
    ['may not ask for the subject', 'shop/bounded', STOCK, 'authorize', 'the client may not ask for this subject'],
    [
      'asks for what the subject does not have',
      'shop/api',
      { ...STOCK, scope: 'stock:count' },
      'authorize',
      'a scope that is asked for cannot be granted',
    ],
  ] as const)('refuses a client that %s, as the server does', async (_, client, parameters, step, reason) => {
    const { audience, scope } = parameters as { readonly audience?: string; readonly scope?: string };
    const options = [
      ...(audience === undefined ? [] : ['--audience', audience]),
      ...(scope === undefined ? [] : ['--ask-scope', scope]),
    ];
    const answer = await acme.exchange(client, adas, parameters);
    expectRefused(await exchange(client, adas, ...options), answer, step, reason);
  });

  it.each([
    ['is no token', () => Promise.resolve('nonsense'), 'subject token: not three parts'],
    [
      'is an administrator’s',
      () => acme.userToken('root@acme.example', 'shop/web', 'admin'),
      'subject token: surface: not accepted here',
    ],
    [
      'is of another tenant',
      () => new TokenEndpointUser(tessera, 'globex').userToken('ada@globex.example'),
      'subject token: of another tenant',
    ],
  ] as const)('refuses a token that %s, as the server does', async (_, make, reason) => {
    const token = await make();
    const answer = await acme.exchange('shop/api', token, STOCK);
    const explanation = await exchange('shop/api', token, ...TO_STOCK);
    expectRefused(explanation, answer, 'subject_token', reason);
    // Terminals are logged.
    expect(JSON.stringify(explanation)).not.toContain(token);
  });

  it('refuses a token that was revoked, and one of a chain that is too long', async () => {
    const token = await acme.userToken('carol@acme.example');
    await tessera.cli(['revoke', '--jti', `acme/${String(JSON.parse(payloadOf(token))['jti'])}`]);
    await tessera.caughtUp();
    expect(refused(await exchange('shop/api', token, ...TO_STOCK))).toEqual({
      step: 'subject_token',
      outcome: 'refused',
      reason: 'subject token: the token was revoked',
    });
    let chained = adas;
    for (const [client, audience] of [
      ['shop/api', 'stock-api'],
      ['shop/stock', 'ledger-api'],
      ['shop/ledger', 'vault-api'],
    ] as const)
      chained = tokenOf(await acme.exchange(client, chained, { audience }));
    expect(refused(await exchange('shop/vault', chained, '--audience', 'end-api'))).toEqual({
      step: 'chain',
      outcome: 'refused',
      reason: 'subject token: it was exchanged too often',
    });
  });

  it('prints for people what JSON holds', async () => {
    const { code, stdout } = await run(
      ['acme/api', '--grant', 'token-exchange', '--token', '-', '--audience', 'mail-api'],
      adas,
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^client +ok +shop\/api: no other project has a client of that id$/m);
    expect(stdout).toMatch(
      /^orders:read +role manager \(group sales\) +CUT: not among the scopes of the exchange to mail-api$/m,
    );
    expect(stdout).toContain('"sub": "client:shop/api"');
  });
});

describe('tessera explain used wrongly', () => {
  it.each([
    [['acme/web', 'ada@acme.example'], 'generateToken names the project'],
    [['acme/shop/web'], "missing required argument 'subject'"],
    [['acme/shop/web', 'ada@acme.example', '--audience', 'x'], 'are for --grant'],
    [['acme/shop/api', 'ada@acme.example', '--grant', 'client_credentials'], 'takes no subject'],
    [['acme/shop/api', '--grant', 'client_credentials', '--token', '-'], 'takes no --token'],
    [['acme/shop/api', '--grant', 'client_credentials', '--surface', 'user'], '--surface is for generateToken'],
    [['acme/shop/api', '--grant', 'client_credentials', '--audience', ''], 'Leave the option out'],
    [['acme/shop/api', '--grant', 'token-exchange'], 'write --token -'],
    [['acme/shop/api', '--grant', 'token-exchange', '--token', 'eyJ'], 'write --token -'],
    [['acme/shop/api/more', '--grant', 'client_credentials'], 'Write tenant/project/client'],
    [['acme/shop/api', '--grant', 'password'], 'Allowed choices are'],
  ])('%j', async (args, error) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(error);
    expect(stderr).not.toContain('eyJ');
  });

  it('without a token on standard input', async () => {
    const { code, stderr } = await run(['acme/shop/api', '--grant', 'token-exchange', '--token', '-'], ' \n');
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'Standard input is empty: give the token there.\n' });
  });
});

function payloadOf(token: string): string {
  return Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
}
