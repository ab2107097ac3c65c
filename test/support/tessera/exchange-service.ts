import { createPrivateKey, type JsonWebKey } from 'node:crypto';
import type { AttackMaterial } from '../../../libs/token/test/attack-table.ts';
import { decodeJwt } from 'jose';
import { EmbeddedVault } from '../../../src/vault/embedded/embedded-vault.ts';
import { keyRingPath } from '../../../src/vault/vault-path.ts';
import { parseTenantId } from '../../../src/domain/ids.ts';
import type { Surface } from '../../../src/domain/surface.ts';
import type { Answer } from '../requests/answer.ts';
import { providerKey, type ProviderSigningKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import { type HostileProvider, startHostileProvider } from '../../../src/testing/hostile-provider.ts';
import { startTessera, type TestTesseraServer, type TestTesseraServerOptions } from './tessera.ts';

/** A whole service with identity providers of the tests, used over HTTP. */
export interface ExchangeService {
  readonly tessera: TestTesseraServer;
  /** Trusted by acme for the client `web` on both surfaces. */
  readonly provider: HostileProvider;
  /** Trusted by globex only. */
  readonly elsewhere: HostileProvider;
  /** Providers that acme trusts like the first one, each for one test that breaks it. Their keys stay in memory. */
  next(): HostileProvider;
  readonly key: ProviderSigningKey;
  /** The number of connections to all providers so far. */
  connections(): number;
  /** A bearer of acme's `web`, by default for Ada or the administrator. */
  bearer(options?: BearerOptions): Promise<string>;
  /** The claims of a valid token of a provider for Grace, with its own `jti`. */
  claims(changes?: Readonly<Record<string, unknown>>, of?: HostileProvider): Record<string, unknown>;
  /** The token of these claims, signed correctly. */
  subjectToken(changes?: Readonly<Record<string, unknown>>, of?: HostileProvider): string;
  exchange(attempt?: ExchangeAttempt): Promise<Answer>;
  /** Expects the uniform 401, this recorded reason, and no connection to any issuer. */
  expectRefused(attempt: ExchangeAttempt, reason: string | RegExp): Promise<void>;
  /** The same, if the issuer may be contacted. */
  /** @param detail the public text, where it is not the one that all 401 of the exchange share */
  expectAnswerRefused(answer: Answer, reason: string | RegExp, detail?: string): void;
  material(): Promise<AttackMaterial>;
  close(): Promise<void>;
}

export interface BearerOptions {
  readonly surface?: Surface;
  readonly tenant?: 'acme' | 'globex';
  readonly client?: string;
}

export interface ExchangeAttempt {
  readonly surface?: Surface;
  /** Default: a valid one. */
  readonly bearer?: string;
  /** Default: a valid one. */
  readonly oidcToken?: unknown;
}

export interface ExchangeServiceOptions extends Pick<TestTesseraServerOptions, 'failuresPerMinute' | 'env'> {
  /** Further providers for `next`. */
  readonly providers?: number;
  /** Allowed in addition to the providers: `host:port` of what a test puts in front of one. */
  readonly allowedHosts?: readonly string[];
}

const AUDIENCE = 'tessera-acme';

export async function startExchangeService(options: ExchangeServiceOptions = {}): Promise<ExchangeService> {
  const key = providerKey('k1');
  const providers = await Promise.all(
    Array.from({ length: 2 + (options.providers ?? 0) }, () => startHostileProvider()),
  );
  for (const provider of providers) provider.keys = [key.jwk];
  const [provider, elsewhere, ...spare] = providers as [HostileProvider, HostileProvider, ...HostileProvider[]];
  const tessera = await startTessera({
    tenantsFile: exchangeTenants([provider, ...spare], elsewhere),
    ...options,
    env: {
      TESSERA_FEDERATION_ALLOWED_HOSTS: [
        ...providers.map(({ hostPort }) => hostPort),
        ...(options.allowedHosts ?? []),
      ].join(','),
      ...options.env,
    },
  });
  let made = 0;
  let uniformBody: string | undefined;
  const service: ExchangeService = {
    tessera,
    provider,
    elsewhere,
    key,
    next: () => {
      const taken = spare.shift();
      if (taken === undefined) throw new Error('start the service with more providers');
      return taken;
    },
    connections: () => providers.reduce((sum, one) => sum + one.connections(), 0),
    bearer: async ({ surface = 'user', tenant = 'acme', client = 'web' } = {}) => {
      const answer = await tessera.post(`/auth/${surface}/generateToken`, {
        tenant_id: tenant,
        project_id: 'shop',
        client_id: client,
        email_id: `${surface === 'user' ? 'ada' : 'root'}@${tenant}.example`,
        secret_id: tessera.secret(`${tenant}/shop/${client}`),
      });
      if (answer.status !== 200) throw new Error(`no bearer, but ${answer.text}`);
      return answer.body['access_token'] as string;
    },
    claims: (changes = {}, of = provider) => {
      const now = Math.floor(tessera.clock.nowMs() / 1000);
      return {
        iss: of.issuer,
        sub: '248289761001',
        aud: AUDIENCE,
        iat: now - 10,
        exp: now + 300,
        jti: `j-${++made}`,
        email: 'grace@acme.example',
        email_verified: true,
        hd: 'acme.example',
        ...changes,
      };
    },
    subjectToken: (changes, of) => writeSubjectToken({ key, claims: service.claims(changes, of) }),
    exchange: async ({ surface = 'user', bearer, oidcToken = service.subjectToken() } = {}) =>
      tessera.post(
        `/auth/${surface}/oidcToken`,
        { oidc_token: oidcToken },
        { authorization: `Bearer ${bearer ?? (await service.bearer({ surface }))}` },
      ),
    expectRefused: async (attempt, reason) => {
      const before = service.connections();
      service.expectAnswerRefused(await service.exchange(attempt), reason);
      expect(service.connections()).toBe(before);
    },
    expectAnswerRefused: (answer, reason, detail) => {
      expect(answer.refusal()).toEqual({ status: 401, error: 'unauthorized', title: 'Unauthorized' });
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      if (detail === undefined) {
        const body = JSON.stringify({ ...answer.body, request_id: '' });
        expect(body).toBe((uniformBody ??= body));
      } else expect(answer.body['detail']).toBe(detail);
      const row = tessera.auditRow(answer.requestId);
      if (typeof reason === 'string') expect(row['reason']).toBe(reason);
      else expect(row['reason']).toMatch(reason);
      expect(row['outcome']).toBe('unauthorized');
      expect(row['token_id']).toBeNull();
    },
    material: async () => {
      const [acme, globex] = [await signingKeyOf(tessera, 'acme'), await signingKeyOf(tessera, 'globex')];
      return {
        ...acme,
        claims: decodeJwt(await service.bearer()),
        nowSeconds: tessera.clock.nowMs() / 1000,
        other: {
          issuer: `${tessera.url}/tenants/globex`,
          tenantId: 'globex',
          kid: globex.kid,
          privateKey: globex.privateKey,
        },
      };
    },
    close: async () => {
      await tessera.close();
      await Promise.all(providers.map((one) => one.close()));
    },
  };
  return service;
}

/** The trusted issuer that every test starts from; `changes` are lines of YAML that replace its own. */
export function trustOf(id: string, issuer: string, changes: Readonly<Record<string, string>> = {}): string {
  const members = {
    issuer: JSON.stringify(issuer),
    audiences: `[${AUDIENCE}]`,
    algorithms: '[ES256]',
    conditions: '{ hd: acme.example }',
    subject: '{ match: email, domains: [acme.example] }',
    clients: '[web]',
    surfaces: '[admin, user]',
    max_lifetime: '1h',
    ...changes,
  };
  const lines = Object.entries(members).map(([name, value]) => `        ${name}: ${value}\n`);
  return `      - id: ${id}\n${lines.join('')}`;
}

/** Two tenants. acme's users and administrators differ by their ids. */
export function tenantsWithTrusts(acmeTrusts: string, globexTrusts = ''): string {
  return `apiVersion: tessera/v1
tenants:
${tenant('acme', acmeTrusts)}${tenant('globex', globexTrusts)}`;
}

function exchangeTenants(trusted: readonly HostileProvider[], elsewhere: HostileProvider): string {
  const [first, ...spare] = trusted;
  return tenantsWithTrusts(
    trustOf('corp', first!.issuer) +
      spare.map(({ issuer }, index) => trustOf(`spare-${index}`, issuer, { algorithms: '[ES256, RS256]' })).join(''),
    trustOf('theirs', elsewhere.issuer, { subject: '{ match: email, domains: [globex.example] }' }),
  );
}

function tenant(id: string, trusts: string): string {
  return `  - id: ${id}
    database: { driver: sqlite }
    tokens: { ttl: 15m }
    issuers:${trusts === '' ? ' []' : `\n${trusts.trimEnd()}`}
    projects:
      - id: shop
        clients:
          - { id: web, surfaces: [admin, user], scopes: unbounded, subjects: any, audience: shop-api }
          - { id: other, surfaces: [admin, user], scopes: unbounded, subjects: any }
    scopes:
      - { name: "orders:read", resource: orders }
    roles:
      - { name: reader, scopes: ["orders:read"] }
    users:
      - { id: u-ada, email: ada@${id}.example }
      - { id: u-grace, email: grace@${id}.example, roles: [reader] }
      - { id: u-bob, email: bob@${id}.example, status: disabled }
    admins:
      - { id: a-root, email: root@${id}.example, scopes: ["tenant:manage"] }
      - { id: a-grace, email: grace@${id}.example, roles: [auditor], scopes: ["audit:read"] }
`;
}

interface StoredKey {
  readonly kid: string;
  readonly alg: AttackMaterial['alg'];
  readonly public_jwk: JsonWebKey;
  readonly private_jwk: JsonWebKey;
}

async function signingKeyOf(tessera: TestTesseraServer, tenantId: string) {
  const vault = new EmbeddedVault(tessera.config.dataDirectory);
  const entry = await vault.read(keyRingPath(parseTenantId(tenantId)!));
  await vault.close();
  const [{ kid, alg, public_jwk: publicJwk, private_jwk }] = entry!.data['keys'] as [StoredKey];
  return { kid, alg, publicJwk, privateKey: createPrivateKey({ key: private_jwk, format: 'jwk' }) };
}
