import { createVerifier, TokenError, type TokenVerifier } from '@tessera/token';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { type ExchangeReplicas, PUBLIC_URL, startExchangeReplicas } from '../../support/tessera/exchange-replicas.ts';
import { tenantsWithTrusts, trustOf } from '../../support/tessera/exchange-service.ts';
import { providerKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import { type HostileProvider, startHostileProvider } from '../../../src/testing/hostile-provider.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import type { Answer } from '../../support/requests/answer.ts';
import { GRANTS, TokenEndpointUser, tokenOf } from '../../support/requests/token-endpoint.ts';
import type { ServerProcess } from '../../support/tessera/server-process.ts';
import { startStopwatch } from '../../../libs/token/test/stopwatch.ts';

/** Two server processes on one MariaDB: a subject token is redeemed once over both, and a chain of exchanges is revoked at both. */
const KEY = providerKey('k1');
let provider: HostileProvider;
let database: RunningMariaDb;
let replicas: ExchangeReplicas;
beforeAll(async () => {
  provider = await startHostileProvider();
  provider.keys = [KEY.jwk];
  database = await startMariaDb();
  await database.sql('CREATE DATABASE control');
  replicas = await startExchangeReplicas(2, tenantsWithTrusts(trustOf('corp', provider.issuer)), {
    DATABASE_URL: database.url('control'),
    TESSERA_FEDERATION_ALLOWED_HOSTS: provider.hostPort,
    TESSERA_FAILURES_PER_MINUTE: '1000',
  });
});
afterAll(async () => {
  await replicas.close();
  await database.close();
  await provider.close();
});

function token(changes: Readonly<Record<string, unknown>> = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: provider.issuer,
    sub: '1',
    aud: 'tessera-acme',
    iat: now,
    exp: now + 300,
    email: 'grace@acme.example',
    email_verified: true,
    hd: 'acme.example',
    ...changes,
  };
  return writeSubjectToken({ key: KEY, claims });
}

const jwtBearer = (server: ServerProcess, assertion: string) =>
  new TokenEndpointUser(replicas.at(server)).request('shop/web', { grant_type: GRANTS.jwtBearer, assertion });

async function reasonOf(requestId: string): Promise<unknown> {
  const [row] = await database.sql(`SELECT reason FROM control.audit_records WHERE request_id = '${requestId}'`);
  return row?.['reason'];
}

it.each([
  ['with a jti', 'j-1'],
  ['without one', undefined],
])('%s, one after the other: the second replica refuses what the first took', async (_name, jti) => {
  const [first, second] = replicas.servers;
  const bearer = await replicas.bearer('user');
  const oidcToken = token({ jti, nonce: 'after' });
  expect((await replicas.exchange(first!, 'user', bearer, oidcToken)).status).toBe(200);
  const refused = await replicas.exchange(second!, 'user', bearer, oidcToken);
  expect(refused.refusal()).toEqual({ status: 401, error: 'unauthorized', title: 'Unauthorized' });
  expect(await reasonOf(refused.requestId)).toBe('the subject token is refused: it was used before');
});

it.each<[string, number, (server: ServerProcess, bearer: string, oidcToken: string) => Promise<Answer>]>([
  ['oidcToken', 401, (server, bearer, oidcToken) => replicas.exchange(server, 'user', bearer, oidcToken)],
  ['jwt-bearer', 400, (server, _bearer, assertion) => jwtBearer(server, assertion)],
])('ten at once on both replicas by %s: one token, twenty times over', async (name, refusal, redeem) => {
  const bearer = await replicas.bearer('user');
  // Keys and caches of both are warm, so all ten reach the last step together.
  for (const server of replicas.servers) await redeem(server, bearer, token({ jti: `${name} ${server.url}` }));
  for (let round = 0; round < 20; round++) {
    const oidcToken = token({ jti: `${name} ${round}` });
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => redeem(replicas.servers[index % 2]!, bearer, oidcToken)),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array.from({ length: 9 }, () => refusal)]);
    const refused = answers.find(({ status }) => status === refusal)!;
    expect(await reasonOf(refused.requestId)).toBe('the subject token is refused: it was used before');
  }
  const [{ issued } = { issued: 0 }] = (await database.sql(
    "SELECT COUNT(*) AS issued FROM control.audit_records WHERE outcome = 'issued' AND route NOT LIKE '%generateToken'",
  )) as { issued: number }[];
  const [{ spent } = { spent: 0 }] = (await database.sql('SELECT COUNT(*) AS spent FROM control.spent_tokens')) as {
    spent: number;
  }[];
  expect(issued).toBe(spent);
});

it('a token that was redeemed by one of oidcToken and jwt-bearer is refused by the other at the other replica', async () => {
  const [first, second] = replicas.servers;
  const bearer = await replicas.bearer('user');
  const oidcToken = token({ jti: 'one for both' });
  expect((await replicas.exchange(first!, 'user', bearer, oidcToken)).status).toBe(200);
  const refused = await jwtBearer(second!, oidcToken);
  expect([refused.status, refused.body['error']]).toEqual([400, 'invalid_grant']);
  expect(await reasonOf(refused.requestId)).toBe('the subject token is refused: it was used before');
});

it('an outage of the control database is a 503, and the token is not used up by it', async () => {
  const bearer = await replicas.bearer('user');
  const oidcToken = token({ jti: 'outage' });
  const [server] = replicas.servers;
  await replicas.exchange(server!, 'user', bearer, token({ jti: 'warm' }));
  await database.stop('SIGKILL');
  const stopwatch = startStopwatch();
  const answer = await replicas.exchange(server!, 'user', bearer, oidcToken);
  expect(stopwatch.stop()).toBeLessThan(3_000);
  expect(answer.refusal()).toMatchObject({ status: 503 });
  expect(answer.headers.get('retry-after')).not.toBeNull();
  await database.restart();
  const isExchanged = async () => (await replicas.exchange(server!, 'user', bearer, oidcToken)).status === 200;
  await eventually('it is exchanged', isExchanged, 5_000);
  expect((await replicas.exchange(replicas.servers[1]!, 'user', bearer, oidcToken)).status).toBe(401);
});

describe('the actor of an exchange is revoked', () => {
  it.each([
    ['a subject', '--subject', 'acme/u-ada'],
    ['a client', '--client', 'acme/shop/web'],
  ])('as %s: within 2 s servers and verifiers refuse what it got for others', async (_name, option, name) => {
    const [first, second] = replicas.servers;
    // For a moment after the previous test's revocation no token is issued.
    let bearer: string | undefined;
    await eventually('there is a bearer', async () => {
      bearer = await replicas.bearer('user').catch(() => undefined);
      return bearer !== undefined;
    });
    const answer = await replicas.exchange(first!, 'user', bearer!, token({ jti: name }));
    const exchanged = answer.body['access_token'] as string;
    const verifier = createVerifier({
      baseUrl: PUBLIC_URL,
      fetchBaseUrl: second!.url,
      tenants: ['acme'],
      audience: 'shop-api',
    });
    expect(await verifier.verify(exchanged)).toMatchObject({
      subject: 'u-grace',
      actor: { sub: 'u-ada', client_id: 'web' },
    });
    for (const server of replicas.servers) expect(await profileStatus(server, exchanged)).toBe(200);

    await replicas.cli(['revoke', option, name]);
    const stopwatch = startStopwatch();
    await Promise.all([
      ...replicas.servers.map((server) =>
        eventually('a server refuses it', async () => (await profileStatus(server, exchanged)) === 401),
      ),
      eventually('a verifier refuses it', () => isRevoked(verifier, exchanged)),
    ]);
    expect(stopwatch.stop()).toBeLessThan(2_000);
    verifier.close();
    const again = token({ jti: `${name} again` });
    expect((await replicas.exchange(first!, 'user', bearer!, again)).status).toBe(401);
  });

  const profileStatus = async ({ url }: { readonly url: string }, bearer: string) =>
    (await fetch(`${url}/auth/user/profile`, { headers: { authorization: `Bearer ${bearer}` } })).status;
  const isRevoked = async (verifier: TokenVerifier, bearer: string) => {
    const verdict = await verifier.verify(bearer).catch((error: unknown) => error);
    return verdict instanceof TokenError && verdict.code === 'TOKEN_REVOKED';
  };
});

describe('a chain of exchanges', () => {
  let chains: ExchangeReplicas;
  let verifier: TokenVerifier;
  let atFirst: TokenEndpointUser;
  beforeAll(async () => {
    await database.sql('CREATE DATABASE chains');
    chains = await startExchangeReplicas(2, chainTenants(), { DATABASE_URL: database.url('chains') });
    const [first] = chains.servers;
    atFirst = new TokenEndpointUser(chains.at(first!));
    verifier = createVerifier({
      baseUrl: PUBLIC_URL,
      fetchBaseUrl: first!.url,
      tenants: ['acme'],
      audience: ['shop-api', 'stock-api', 'ledger-api'],
    });
  });
  afterAll(async () => {
    verifier.close();
    await chains.close();
  });

  const revokeAtSecond = async (client: string, token: string) => {
    const second = chains.at(chains.servers[1]!);
    const header = new TokenEndpointUser(second).header(client);
    expect((await second.postForm('/tenants/acme/revoke', { token }, header)).status).toBe(200);
  };
  const verdict = (token: string) =>
    verifier.verify(token).then(
      () => 'accepted',
      (error: unknown) => (error as TokenError).code,
    );
  const verdicts = async (tokens: readonly string[]) => [...new Set(await Promise.all(tokens.map(verdict)))];

  it('ends with its root, revoked at one replica, within 2 s at a verifier that polls the other', async () => {
    const [{ root, child, grandchild }, other] = [await atFirst.chain(), await atFirst.chain()];
    expect(await verdicts([root, child, grandchild])).toEqual(['accepted']);
    await revokeAtSecond('shop/web', root);
    await Promise.all(
      [root, child, grandchild].map((token) =>
        eventually('the verifier refuses', async () => (await verdict(token)) === 'TOKEN_REVOKED', 2_000),
      ),
    );
    expect(await verdicts(Object.values(other))).toEqual(['accepted']);
  });

  it('ends with a token in the middle, and so does what the other replica issued before it heard of that', async () => {
    const stock = { audience: 'stock-api' };
    let root = '';
    for (let round = 0; round < 4; round++) {
      const chain = await atFirst.chain();
      ({ root } = chain);
      const issued: string[] = [];
      const exchanging = eventually('the verifier refuses', async () => {
        const answer = await atFirst.exchange('shop/api', root, stock);
        if (answer.status === 200) issued.push(tokenOf(answer));
        // The verifier hears of it from the first replica, which has heard of it then.
        return (await verdict(chain.child)) === 'TOKEN_REVOKED';
      });
      // Shortly before the end of a second, so that the first replica issues tokens of the next one before it hears of the revocation.
      const revoking = delay((1_850 - (Date.now() % 1_000)) % 1_000).then(() =>
        revokeAtSecond('shop/api', chain.child),
      );
      await Promise.all([exchanging, revoking]);
      expect(await verdicts(issued)).toEqual(['TOKEN_REVOKED']);
      expect(await verdict(root)).toBe('accepted');
    }
    let answer: Answer | undefined;
    await eventually(
      'there are tokens again',
      async () => (answer = await atFirst.exchange('shop/api', root, stock)).status === 200,
    );
    expect(await verdict(tokenOf(answer!))).toBe('accepted');
  });
});
