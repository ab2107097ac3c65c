import { decodeJwt } from 'jose';
import { parse } from 'yaml';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';
import { providerKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import { codeBlocks, readPage, section } from '../../support/fixtures/markdown.ts';
import { PEOPLE } from '../../support/fixtures/provider-shapes/people.ts';
import { type Claims, conditionOn, type ProviderShape } from '../../support/fixtures/provider-shapes/provider-shape.ts';
import { WORKLOADS } from '../../support/fixtures/provider-shapes/workloads.ts';
import { type ExchangeService, startExchangeService } from '../../support/tessera/exchange-service.ts';

/**
 * The set-ups of docs/exchange.md as they are written there, each with a token as that provider makes it and with its nearest wrong twins. Only the URL of the
 * keys is another: the issuer is compared then, and never fetched.
 */
const PAGE = readPage('docs/exchange.md');
const SET_UPS = codeBlocks(PAGE).flatMap(({ language, code }) => (language === 'yaml' ? [code] : []));
const KEYS = {
  RS256: providerKey('rsa', 'RS256'),
  ES256: providerKey('svid', 'ES256'),
  EdDSA: providerKey('ed', 'EdDSA'),
};

interface Row extends ProviderShape {
  readonly name: string;
  readonly tenant: string;
  /** As it is on the page. */
  readonly setUp: string;
  /** As the row uses it. */
  readonly trust: string;
}
interface TwinRow {
  readonly twin: string;
  readonly tenant: string;
  readonly row: Row;
  readonly claims: Claims;
  readonly reason: string;
  readonly looser: readonly [from: string | RegExp, to: string] | undefined;
}

const ROWS: readonly Row[] = Object.entries({ ...PEOPLE, ...WORKLOADS }).map(([name, shape], index) => {
  const setUp = codeBlocks(section(PAGE, shape.heading)).find(({ language }) => language === 'yaml')?.code ?? '';
  const trust = shape.changed === undefined ? setUp : replaceOnce(setUp, ...shape.changed);
  return { ...shape, name, tenant: `row-${index}`, setUp, trust };
});
const TWINS: readonly TwinRow[] = ROWS.flatMap((row) =>
  Object.entries(row.twins).map(([twin, { claims, reason, looser }], index) => ({
    twin,
    tenant: `${row.tenant}-${index}`,
    row,
    claims,
    reason,
    looser,
  })),
);

let service: ExchangeService;
beforeAll(async () => {
  service = await startExchangeService();
  // A SPIFFE bundle states a `use` of its own and no algorithm. The other trusts skip that key.
  service.provider.keys = [KEYS.RS256.jwk, KEYS.EdDSA.jwk, { ...KEYS.ES256.jwk, alg: undefined, use: 'jwt-svid' }];
  const tenants = ROWS.map(({ tenant, trust }) => tenantOf(tenant, trust));
  for (const { tenant, row, looser } of TWINS)
    if (looser !== undefined) tenants.push(tenantOf(tenant, replaceOnce(row.trust, ...looser)));
  await service.tessera.apply(`apiVersion: tessera/v1\ntenants:\n${tenants.join('')}`);
});
afterAll(() => service.close());

/** The set-up as it is written, with the keys of the test and the user who asks for the bearer. */
function tenantOf(id: string, written: string): string {
  const keys = `    jwks_uri: ${service.provider.jwksUri}`;
  const trust = written.includes('\n    jwks_uri: ')
    ? replaceOnce(written, /^ {4}jwks_uri: .*$/m, keys)
    : replaceOnce(written, /^ {4}issuer: .*$/m, `$&\n${keys}`);
  const users = 'users:\n  - { id: svc-web, email: svc-web@acme.example }\n';
  // Where people are found by their address, they have no identity to write down.
  const whole = /^users:\n/m.test(trust)
    ? replaceOnce(trust, /^users:\n/m, users)
    : `${trust}${users}  - { id: u-ada, email: ada@acme.example }\n`;
  return `  - id: ${id}
    database: { driver: sqlite }
    projects:
      - { id: shop, clients: [{ id: web, surfaces: [user], scopes: unbounded, subjects: any }] }
${whole.replace(/^(?=.)/gm, '    ')}`;
}

function tokenOf(shape: ProviderShape, changes: Claims = {}): string {
  const now = Math.floor(service.tessera.clock.nowMs() / 1000);
  const iat = now - 10;
  const { notBeforeSeconds } = shape;
  const times = {
    iat,
    exp: iat + shape.lifetimeSeconds,
    nbf: notBeforeSeconds === undefined ? undefined : iat + notBeforeSeconds,
  };
  return writeSubjectToken({
    key: KEYS[shape.algorithm],
    header: shape.header,
    claims: { ...times, ...shape.claims, ...changes },
  });
}

async function exchange(tenant: string, oidcToken: string) {
  const bearer = await service.tessera.post('/auth/user/generateToken', {
    tenant_id: tenant,
    project_id: 'shop',
    client_id: 'web',
    email_id: 'svc-web@acme.example',
    secret_id: service.tessera.secret(`${tenant}/shop/web`),
  });
  expect(bearer.status).toBe(200);
  return service.exchange({ bearer: bearer.body['access_token'] as string, oidcToken });
}

it('every set-up of the page has a row, and every row a trust that it loosens', () => {
  expect(new Set(ROWS.map(({ setUp }) => setUp))).toEqual(new Set(SET_UPS));
  const loosened = new Set(TWINS.flatMap(({ row, looser }) => (looser === undefined ? [] : [row.name])));
  expect(ROWS.map(({ name }) => name).filter((name) => !loosened.has(name))).toEqual([]);
});

it.each(SET_UPS.map((setUp) => [/id: (\S+)/.exec(setUp)?.[1], setUp]))(
  'every condition of the set-up %s refuses a twin',
  (_, setUp) => {
    const [issuer] = (parse(setUp) as { issuers: [{ conditions: Record<string, unknown> }] }).issuers;
    const reasons = TWINS.flatMap(({ row, reason }) => (row.setUp === setUp ? [reason] : []));
    expect(reasons).toEqual(expect.arrayContaining(Object.keys(issuer.conditions).map(conditionOn)));
  },
);

describe.each(ROWS)('$name', (row) => {
  it('is accepted by the documented trust, for the documented subject', async () => {
    const answer = await exchange(row.tenant, tokenOf(row));
    expect(answer.status).toBe(200);
    expect(decodeJwt(answer.body['access_token'] as string)).toMatchObject({
      sub: row.subject,
      idp: row.claims['iss'],
      tenant_id: row.tenant,
    });
  });

  const twins = TWINS.filter((twin) => twin.row === row);
  it.each(twins)('has its twin refused: $twin', async ({ claims, reason }) => {
    service.expectAnswerRefused(await exchange(row.tenant, tokenOf(row, claims)), reason);
  });

  it.each(twins.filter(({ looser }) => looser !== undefined))(
    'has its twin let in by a looser trust: $twin',
    async ({ tenant, claims }) => {
      const answer = await exchange(tenant, tokenOf(row, claims));
      expect(answer.status).toBe(200);
      expect(decodeJwt(answer.body['access_token'] as string)).toMatchObject({ sub: row.subject, tenant_id: tenant });
    },
  );
});
