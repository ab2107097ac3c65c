import { parse } from 'yaml';
import { assertionForm } from '../../../src/testing/caller-fixture.ts';
import { type HostileProvider, startHostileProvider } from '../../../src/testing/hostile-provider.ts';
import { providerKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import { codeBlocks, readPage, section } from '../../support/fixtures/markdown.ts';
import {
  ANOTHER_AUDIENCE,
  ANOTHER_ISSUER,
  type Claims,
  conditionOn,
  type ProviderShape,
  UNKNOWN,
  type WrongTwin,
} from '../../support/fixtures/provider-shapes/provider-shape.ts';
import { WORKLOADS } from '../../support/fixtures/provider-shapes/workloads.ts';
import { claimsOf, GRANTS, oauthRefusal } from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/**
 * Tokens as platforms make them, as client assertions at the token endpoint. Each issuer is trusted as docs/exchange.md says, but for no client that
 * exchanges tokens, and the condition on `sub` is the client's alone. The URL of the keys is another.
 */
const PAGE = readPage('docs/exchange.md');
const RSA = providerKey('rsa', 'RS256');
const SVID = providerKey('svid');

interface Row extends ProviderShape {
  readonly name: string;
  readonly tenant: string;
}
const ROWS: readonly Row[] = [
  'a GitHub Actions token with names in sub',
  'a GitHub Actions token with ids in sub',
  'a Kubernetes token',
  'a JWT-SVID of SPIRE',
].map((name, index) => ({ ...WORKLOADS[name]!, name, tenant: `row-${index}` }));

let platform: HostileProvider;
let tessera: TestTesseraServer;
beforeAll(async () => {
  platform = await startHostileProvider();
  // A SPIFFE bundle states a `use` of its own and no algorithm. The other trusts skip that key.
  platform.keys = [RSA.jwk, { ...SVID.jwk, alg: undefined, use: 'jwt-svid' }];
  tessera = await startTessera({
    tenantsFile: JSON.stringify({ apiVersion: 'tessera/v1', tenants: ROWS.map(tenantOf) }),
    env: { TESSERA_FEDERATION_ALLOWED_HOSTS: platform.hostPort },
  });
});
afterAll(async () => {
  await tessera.close();
  await platform.close();
});

/** As JSON, which is YAML. */
function tenantOf({ tenant, heading, claims }: Row): object {
  const setUp = codeBlocks(section(PAGE, heading)).find(({ language }) => language === 'yaml')!.code;
  const [issuer] = (parse(setUp) as { issuers: [{ id: string; conditions: Record<string, unknown> }] }).issuers;
  const conditions = Object.entries(issuer.conditions).filter(([claim]) => claim !== 'sub');
  const workload = { issuer: issuer.id, conditions: { sub: claims['sub'] } };
  const job = { id: 'job', surfaces: ['user'], scopes: 'unbounded', subjects: 'any', service: { roles: [] }, workload };
  return {
    id: tenant,
    database: { driver: 'sqlite' },
    // So that our tokens would live longer than those of the platforms.
    tokens: { ttl: '15m' },
    issuers: [
      {
        ...issuer,
        jwks_uri: platform.jwksUri,
        clients: [],
        conditions: conditions.length === 0 ? 'none' : Object.fromEntries(conditions),
      },
    ],
    projects: [{ id: 'shop', clients: [job] }],
  };
}

function timesOf({ lifetimeSeconds, notBeforeSeconds }: ProviderShape) {
  const iat = Math.floor(tessera.clock.nowMs() / 1000) - 10;
  return { iat, exp: iat + lifetimeSeconds, nbf: notBeforeSeconds === undefined ? undefined : iat + notBeforeSeconds };
}

function present(row: Row, changes: Claims = {}) {
  const { tenant, algorithm, header, claims } = row;
  const key = algorithm === 'ES256' ? SVID : RSA;
  const assertion = writeSubjectToken({ key, header, claims: { ...timesOf(row), ...claims, ...changes } });
  return tessera.postForm(`/tenants/${tenant}/token`, {
    grant_type: GRANTS.clientCredentials,
    ...assertionForm(assertion, 'shop/job'),
  });
}

/** As what an exchange of it would be refused, but for the two that the client decides. */
function reasonOf({ reason }: WrongTwin): string {
  if (reason === UNKNOWN || reason === conditionOn('sub'))
    return 'the client assertion is refused: it does not meet the condition of the workload on "sub"';
  if (reason === ANOTHER_ISSUER) return 'the client assertion is refused: it is not of the issuer of the workload';
  return reason.replace('the subject token', 'the client assertion');
}

/** Wrong for every platform. */
const twinsOf = ({ claims, twins }: Row): Readonly<Record<string, WrongTwin>> => ({
  ...twins,
  'a token for another service alone': { claims: { aud: 'https://orders.acme.example' }, reason: ANOTHER_AUDIENCE },
  'a longer sub': { claims: { sub: `${claims['sub'] as string}2` }, reason: UNKNOWN },
});

let uniformBody: string | undefined;
describe.each(ROWS)('$name', (row) => {
  it('authenticates its client, again and again, and bounds the life of our token', async () => {
    for (const exp of [timesOf(row).exp, timesOf(row).iat + 60]) {
      const claims = claimsOf(await present(row, { exp }));
      expect(claims).toMatchObject({ sub: 'client:shop/job', surface: 'service', tenant_id: row.tenant, exp });
    }
  });

  it.each(Object.entries(twinsOf(row)))('has its twin refused: %s', async (_, twin) => {
    const answer = await present(row, twin.claims);
    expect(oauthRefusal(answer)).toBe('401 invalid_client');
    const body = JSON.stringify({ ...answer.body, request_id: '' });
    expect(body).toBe((uniformBody ??= body));
    expect(tessera.auditReason(answer.requestId)).toBe(reasonOf(twin));
  });
});
