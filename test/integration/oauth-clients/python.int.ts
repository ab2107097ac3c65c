import { join } from 'node:path';
import { LEDGER, type OAuthService, startOAuthService } from '../../support/oauth-clients/oauth-service.ts';
import { runSteps, type Step, stepOf } from '../../support/oauth-clients/run-steps.ts';
import { REPOSITORY, requireServer } from '../../support/servers/required-servers.ts';

/** Authlib and requests-oauthlib, unmodified, in one program. */
let service: OAuthService;
let steps: ReadonlyMap<string, Step>;
beforeAll(async () => {
  service = await startOAuthService();
  const { clients, keyed } = service;
  steps = await runSteps(
    {
      command: requireServer('authlib'),
      args: [join(REPOSITORY, 'test/support/oauth-clients/python/oauth_clients.py')],
      // oauthlib asks for https unless told otherwise.
      env: { OAUTHLIB_INSECURE_TRANSPORT: '1' },
    },
    {
      metadata_url: `${service.issuer}/.well-known/openid-configuration`,
      ...clients,
      keyed: { id: keyed.id, kid: keyed.kid, private_key: keyed.privateKey },
      user_token: await service.userToken(),
      id_token: await service.idToken(),
    },
  );
});
afterAll(() => service.close());

const step = (name: string) => stepOf(steps, name);
const claims = (name: string) => service.claims(step(name).access_token ?? '');

describe.each(['authlib', 'requests-oauthlib'])('%s', (library) => {
  it.each(['basic', 'post'])('gets a service token by client_secret_%s', async (method) => {
    expect(await claims(`${library}, ${method}`)).toMatchObject({
      sub: 'client:shop/billing',
      aud: 'billing-api',
      surface: 'service',
    });
  });

  it('narrows a token to a scope and a resource', async () => {
    expect(await claims(`${library}, narrowed`)).toMatchObject({ aud: LEDGER, scope: 'invoices:read' });
  });

  it('gets no token for a scope that the client lacks, nor with a wrong secret', () => {
    expect(step(`${library}, too much`)).toEqual({ error: 'invalid_scope' });
    expect(step(`${library}, wrong secret`)).toEqual({ error: 'invalid_client' });
  });
});

describe('authlib', () => {
  it('gets a token by private_key_jwt with the issuer as audience and a short life', async () => {
    expect(await claims('authlib, key')).toMatchObject({ sub: 'client:shop/keyed', surface: 'service' });
  });

  // Its defaults are the endpoint's URL and an hour.
  it.each(['audience left out', 'lifetime left out', 'defaults'])('gets no token by private_key_jwt: %s', (name) => {
    expect(step(`authlib, key, ${name}`)).toEqual({ error: 'invalid_client' });
  });

  // It keeps the jti in the claims that it was given, and an assertion is redeemed once.
  it('gets no second token with the same PrivateKeyJWT', () => {
    expect(step('authlib, key, one object for two requests')).toEqual({ error: 'invalid_client' });
  });

  it('exchanges a user token that it received', async () => {
    expect(step('authlib, exchange')['issued_token_type']).toBe('urn:ietf:params:oauth:token-type:access_token');
    expect(await claims('authlib, exchange')).toMatchObject({
      sub: 'u-ada',
      aud: 'stock-api',
      act: { sub: 'client:shop/api', act: { sub: 'client:shop/web' } },
    });
  });

  it('gets a user token for an ID token', async () => {
    expect(await claims('authlib, ID token')).toMatchObject({ sub: 'u-grace', surface: 'user', client_id: 'web' });
  });

  it('introspects a token and revokes it', () => {
    expect(step('authlib, introspected')).toMatchObject({ introspected: { active: true, sub: 'client:shop/billing' } });
    expect(step('authlib, introspected after its revocation')).toEqual({ introspected: { active: false } });
  });
});

it('had each refusal for its own reason', () => {
  const audience = 'the client assertion is refused: its aud is not the issuer of this tenant, as one text';
  expect(service.reasonsOfInvalidClient()).toEqual([
    'the secret does not match',
    audience,
    'the client assertion is refused: its exp is more than 5 minutes ahead',
    audience,
    'the client assertion is refused: it was used before',
    'the secret does not match',
  ]);
});
