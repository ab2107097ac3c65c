import { createVerifier, TokenError, type TokenVerifier } from '@tessera/token';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { type ExchangeReplicas, PUBLIC_URL, startExchangeReplicas } from '../../support/tessera/exchange-replicas.ts';
import { tenantsWithTrusts, trustOf } from '../../support/tessera/exchange-service.ts';
import { providerKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import { type HostileProvider, startHostileProvider } from '../../../src/testing/hostile-provider.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';

/** Two server processes on one MariaDB: a subject token is redeemed once over both. */
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
}, 120_000);
afterAll(async () => {
  await replicas.close();
  await database.close();
  await provider.close();
}, 60_000);

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

it('ten at once on both replicas: one token, twenty times over', async () => {
  const bearer = await replicas.bearer('user');
  // Keys and caches of both are warm, so all ten reach the last step together.
  for (const server of replicas.servers) await replicas.exchange(server, 'user', bearer, token({ jti: server.url }));
  for (let round = 0; round < 20; round++) {
    const oidcToken = token({ jti: `round-${round}` });
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        replicas.exchange(replicas.servers[index % 2]!, 'user', bearer, oidcToken),
      ),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array.from({ length: 9 }, () => 401)]);
  }
  const [{ issued } = { issued: 0 }] = (await database.sql(
    "SELECT COUNT(*) AS issued FROM control.audit_records WHERE outcome = 'issued' AND route LIKE '%oidcToken'",
  )) as { issued: number }[];
  const [{ spent } = { spent: 0 }] = (await database.sql('SELECT COUNT(*) AS spent FROM control.spent_tokens')) as {
    spent: number;
  }[];
  expect(issued).toBe(spent);
}, 60_000);

it('an outage of the control database is a 503, and the token is not used up by it', async () => {
  const bearer = await replicas.bearer('user');
  const oidcToken = token({ jti: 'outage' });
  const [server] = replicas.servers;
  await replicas.exchange(server!, 'user', bearer, token({ jti: 'warm' }));
  await database.stop('SIGKILL');
  const startedAt = performance.now();
  const answer = await replicas.exchange(server!, 'user', bearer, oidcToken);
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  expect(answer.refusal()).toMatchObject({ status: 503 });
  expect(answer.headers.get('retry-after')).not.toBeNull();
  await database.restart();
  const deadline = performance.now() + 5_000;
  let status = 0;
  while (status !== 200 && performance.now() < deadline)
    ({ status } = await replicas.exchange(server!, 'user', bearer, oidcToken));
  expect(status).toBe(200);
  expect((await replicas.exchange(replicas.servers[1]!, 'user', bearer, oidcToken)).status).toBe(401);
}, 60_000);

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
    const revokedAt = performance.now();
    await Promise.all([
      ...replicas.servers.map((server) =>
        eventually('a server refuses it', async () => (await profileStatus(server, exchanged)) === 401),
      ),
      eventually('a verifier refuses it', () => isRevoked(verifier, exchanged)),
    ]);
    expect(performance.now() - revokedAt).toBeLessThan(2_000);
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
