import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileSpringProgram } from '../../support/oauth-clients/build-programs.ts';
import { LEDGER, type OAuthService, startOAuthService } from '../../support/oauth-clients/oauth-service.ts';
import { runSteps, type Step, stepOf } from '../../support/oauth-clients/run-steps.ts';

/** Spring Security's client and resource server, unmodified. */
let folder: string;
let service: OAuthService;
let steps: ReadonlyMap<string, Step>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-spring-'));
  const program = await compileSpringProgram(folder);
  service = await startOAuthService();
  const { clients, keyed } = service;
  steps = await runSteps(program, {
    issuer: service.issuer,
    billing: clients.billing,
    api: clients.api,
    keyed: { id: keyed.id, private_key: keyed.privateKey },
    user_token: await service.userToken(),
  });
});
afterAll(async () => {
  await service.close();
  rmSync(folder, { recursive: true });
});

const step = (name: string) => stepOf(steps, name);
const claims = (name: string) => service.claims(step(name).access_token ?? '');

describe('its client', () => {
  it.each([
    ['client_secret_basic', 'basic', 'billing'],
    ['client_secret_post', 'post', 'billing'],
    ['private_key_jwt with the issuer as audience', 'key', 'keyed'],
  ])('gets a service token by %s', async (_method, name, client) => {
    expect(await claims(name)).toMatchObject({
      sub: `client:shop/${client}`,
      aud: 'billing-api',
      surface: 'service',
    });
  });

  // Its default is the endpoint's URL.
  it('gets no token by private_key_jwt: audience left out', () => {
    expect(step('key, audience left out')).toEqual({ error: 'invalid_client' });
  });

  it('narrows a token to a scope and a resource', async () => {
    expect(await claims('narrowed')).toMatchObject({ aud: LEDGER, scope: 'invoices:read' });
  });

  it('gets no token for a scope that the client lacks, nor with a wrong secret', () => {
    expect(step('too much')).toEqual({ error: 'invalid_scope' });
    expect(step('wrong secret')).toEqual({ error: 'invalid_client' });
  });

  it('exchanges a user token that it received', async () => {
    expect(await claims('exchange')).toMatchObject({
      sub: 'u-ada',
      aud: 'stock-api',
      act: { sub: 'client:shop/api', act: { sub: 'client:shop/web' } },
    });
  });
});

describe('its resource server, by the metadata of the issuer', () => {
  it('accepts a token of its audience', () => {
    expect(step('decode')).toEqual({ decoded: { sub: 'client:shop/billing', aud: ['billing-api'] } });
  });

  it('refuses a token of another audience', () => {
    expect(step('decode, another audience').error).toContain('aud');
  });

  // at+jwt is the type of access tokens (RFC 9068, section 2.1). Spring's default accepts JWT only.
  it('refuses each token when the type is not configured', () => {
    expect(step('decode, defaults').error).toContain('typ');
  });
});

it('had each refusal for its own reason', () => {
  expect(service.reasonsOfInvalidClient()).toEqual([
    'the secret does not match',
    'the client assertion is refused: its aud is not the issuer of this tenant, as one text',
  ]);
});
