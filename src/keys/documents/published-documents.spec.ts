import { ConsoleLogger, Module } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { type IssuingFixture, openIssuingFixture, PUBLIC_URL } from '../../testing/issuing-fixture.ts';
import { refusalOf } from '../../testing/refusal.ts';
import { collectingLog, storageConfig, tenantId } from '../../testing/storage.ts';
import { Metrics } from '../../metrics/metrics.ts';
import { RuntimeModule } from '../../runtime/runtime.module.ts';
import { TenancyModule } from '../../tenancy/tenancy.module.ts';
import { TenantRepository } from '../../tenancy/tenant.repository.ts';
import { VaultModule } from '../../vault/vault.module.ts';
import { VaultService } from '../../vault/vault.service.ts';
import { MIN_LEAD_SECONDS, RETENTION_SECONDS } from '../key-ring.ts';
import { rotate } from '../key-ring.transitions.ts';
import { KeysModule } from '../keys.module.ts';
import { newSigningKey } from '../new-signing-key.ts';
import { isCurrent, sendDocument } from './send-document.ts';

const ACME = tenantId('acme');
const KEY_SET = '/tenants/acme/jwks.json';

let fixture: IssuingFixture;

beforeEach(async () => {
  fixture = await openIssuingFixture();
  await fixture.addTenant('acme');
});
afterEach(() => fixture.close());

const METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'];

describe('over HTTP', () => {
  let app: NestFastifyApplication;

  beforeEach(async () => {
    const config = { ...storageConfig(fixture.folder), publicUrl: PUBLIC_URL };
    const runtime = RuntimeModule.with({
      config,
      clock: fixture.clock,
      log: collectingLog().log,
      metrics: new Metrics(),
    });
    @Module({ providers: [{ provide: VaultService, useValue: fixture.vault }], exports: [VaultService] })
    class Vault {}
    @Module({ providers: [{ provide: TenantRepository, useValue: fixture.tenants }], exports: [TenantRepository] })
    class Tenants {}
    const module = await Test.createTestingModule({ imports: [runtime, KeysModule] })
      .overrideModule(VaultModule)
      .useModule(Vault)
      .overrideModule(TenancyModule)
      .useModule(Tenants)
      .setLogger(new ConsoleLogger({ logLevels: [] }))
      .compile();
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
    await app.init();
  });
  afterEach(() => app.close());

  it('serves the public keys, cacheable, with nothing private', async () => {
    const { statusCode, headers, body } = await app.inject(KEY_SET);
    expect(statusCode).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'public, max-age=300',
      etag: expect.stringMatching(/^"[A-Za-z0-9_-]{43}"$/),
    });
    const { keys } = JSON.parse(body) as { keys: object[] };
    expect(keys.map((key) => Object.keys(key).sort())).toEqual([['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']]);
    expect(keys).toMatchObject([{ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' }]);
  });

  it('answers 304 without a body to a matching ETag, and 200 to another', async () => {
    const { headers, body } = await app.inject(KEY_SET);
    const again = (tag: string) => app.inject({ url: KEY_SET, headers: { 'if-none-match': tag } });
    const notModified = await again(headers.etag!);
    expect(notModified).toMatchObject({ statusCode: 304, body: '' });
    expect(notModified.headers).toMatchObject({ etag: headers.etag, 'cache-control': 'public, max-age=300' });
    expect(await again('"another"')).toMatchObject({ statusCode: 200, body });
  });

  it('serves the metadata at both URLs', async () => {
    const openid = await app.inject('/tenants/acme/.well-known/openid-configuration');
    const oauth = await app.inject('/.well-known/oauth-authorization-server/tenants/acme');
    const common = {
      issuer: 'https://tessera.example/tenants/acme',
      jwks_uri: 'https://tessera.example/tenants/acme/jwks.json',
      token_endpoint: 'https://tessera.example/tenants/acme/token',
      response_types_supported: ['none'],
      grant_types_supported: [
        'client_credentials',
        'urn:ietf:params:oauth:grant-type:token-exchange',
        'urn:ietf:params:oauth:grant-type:jwt-bearer',
      ],
      token_endpoint_auth_methods_supported: METHODS,
      token_endpoint_auth_signing_alg_values_supported: expect.arrayContaining(['ES256', 'RS256', 'EdDSA']),
      revocation_endpoint: 'https://tessera.example/tenants/acme/revoke',
      revocation_endpoint_auth_methods_supported: METHODS,
      introspection_endpoint: 'https://tessera.example/tenants/acme/introspect',
      introspection_endpoint_auth_methods_supported: METHODS,
      tessera_token_endpoints: {
        user: 'https://tessera.example/auth/user/generateToken',
        admin: 'https://tessera.example/auth/admin/generateToken',
      },
    };
    expect(openid.json()).toMatchObject({
      ...common,
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
      claims_supported: [
        ...['iss', 'sub', 'aud', 'client_id', 'iat', 'exp', 'jti', 'scope', 'roles', 'groups', 'resources'],
        ...['tenant_id', 'project_id', 'email_id', 'surface', 'act', 'idp', 'root'],
      ],
    });
    expect(oauth.json()).toMatchObject(common);
    expect(oauth.json()).not.toHaveProperty('id_token_signing_alg_values_supported');
  });

  it('never takes the issuer from the request', async () => {
    const { body } = await app.inject({
      url: '/tenants/acme/.well-known/openid-configuration',
      headers: { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' },
    });
    expect(body).not.toContain('evil');
  });
});

describe('an edition', () => {
  it('is serialized once, and needs neither database nor Vault afterwards', async () => {
    const before = await fixture.documents.find(ACME, 'keySet');
    fixture.vault.plugged = false;
    fixture.clock.advance(86_400_000);
    expect(await fixture.documents.find(ACME, 'keySet')).toBe(before);
  });

  it('changes when a key is added, with the algorithms of both, and when a key has left', async () => {
    const before = await fixture.documents.find(ACME, 'keySet');
    const next = await newSigningKey('EdDSA');
    await fixture.store.update(ACME, (ring) => rotate(ring, next, fixture.clock.seconds));
    fixture.tenants.invalidate(ACME);
    await eventually(
      'another key set',
      async () => (await fixture.documents.find(ACME, 'keySet')).etag !== before.etag,
    );
    const both = JSON.parse((await fixture.documents.find(ACME, 'openidConfiguration')).body) as object;
    expect(both).toMatchObject({ id_token_signing_alg_values_supported: ['ES256', 'EdDSA'] });

    fixture.clock.jump((MIN_LEAD_SECONDS + RETENTION_SECONDS - 1) * 1000);
    expect((await fixture.documents.find(ACME, 'keySet')).body.match(/"kid"/g)).toHaveLength(2);
    fixture.clock.jump(1000);
    expect((await fixture.documents.find(ACME, 'keySet')).body.match(/"kid"/g)).toHaveLength(1);
    fixture.clock.jump(-1000);
    expect((await fixture.documents.find(ACME, 'keySet')).body.match(/"kid"/g)).toHaveLength(2);
  });
});

describe('a document that does not exist', () => {
  it.each(['globex', 'ACME', '..%2facme', '', 'a'.repeat(65)])('is that of the tenant %p', async (id) => {
    // The refusal comes before request and reply are used.
    const refusal = await refusalOf(sendDocument(fixture.documents, 'keySet', id, {} as never, {} as never));
    expect(refusal.code).toBe('route_not_found');
  });
});

it.each([
  [undefined, false],
  ['', false],
  ['"b"', false],
  ['a', false],
  ['"a"', true],
  ['W/"a"', true],
  ['"b", "a"', true],
  ['*', true],
])('treats If-None-Match %p as current: %p', (header, current) => {
  expect(isCurrent(header, '"a"')).toBe(current);
});
