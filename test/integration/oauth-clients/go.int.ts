import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildGoProgram } from '../../support/oauth-clients/build-programs.ts';
import { LEDGER, type OAuthService, startOAuthService } from '../../support/oauth-clients/oauth-service.ts';
import { runSteps, type Step, stepOf } from '../../support/oauth-clients/run-steps.ts';

/** golang.org/x/oauth2/clientcredentials, unmodified. */
let folder: string;
let service: OAuthService;
let steps: ReadonlyMap<string, Step>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-go-'));
  const program = await buildGoProgram(folder);
  service = await startOAuthService();
  steps = await runSteps(program, {
    token_url: `${service.issuer}/token`,
    billing: service.clients.billing,
    api: service.clients.api,
    user_token: await service.userToken(),
    resource_url: `${service.tessera.url}/auth/validate?surface=service`,
  });
});
afterAll(async () => {
  await service.close();
  rmSync(folder, { recursive: true });
});

const step = (name: string) => stepOf(steps, name);
const claims = (name: string) => service.claims(step(name).access_token ?? '');

it.each(['header', 'params', 'detected'])('gets a service token with the secret in the %s', async (style) => {
  expect(step(style)).toMatchObject({ token_type: 'Bearer', scope: 'invoices:read invoices:write' });
  const { exp, ...claimed } = await claims(style);
  expect(claimed).toMatchObject({ sub: 'client:shop/billing', aud: 'billing-api', surface: 'service' });
  expect(Math.abs(exp! - (step(style)['expires'] as number))).toBeLessThan(30);
});

it('narrows a token to a scope and a resource', async () => {
  expect(await claims('narrowed')).toMatchObject({ aud: LEDGER, scope: 'invoices:read' });
});

it('gets no token for a scope that the client lacks, nor with a wrong secret', () => {
  expect(step('too much')).toEqual({ error: 'invalid_scope' });
  expect(step('wrong secret')).toEqual({ error: 'invalid_client' });
});

// With the style left to detection, any error makes it try the other style. The limit on failures counts both.
it('fails twice with a wrong secret and a detected style', () => {
  expect(step('wrong secret, detected')).toEqual({ error: 'invalid_client' });
  const once = 'the secret does not match';
  expect(service.reasonsOfInvalidClient()).toEqual([once, once, once]);
});

it('exchanges a user token that it received', async () => {
  expect(step('exchange')['issued_token_type']).toBe('urn:ietf:params:oauth:token-type:access_token');
  expect(await claims('exchange')).toMatchObject({
    sub: 'u-ada',
    aud: 'stock-api',
    act: { sub: 'client:shop/api', act: { sub: 'client:shop/web' } },
  });
});

it('sends the token to a resource, which accepts it', () => {
  expect(step('request')).toEqual({ status: 200 });
});
