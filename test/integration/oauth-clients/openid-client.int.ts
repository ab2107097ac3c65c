import { decodeJwt, importJWK } from 'jose';
import * as client from 'openid-client';
import { describeJavascriptLibrary, type Method } from '../../support/oauth-clients/javascript-client-rules.ts';
import { type OAuthService, startOAuthService } from '../../support/oauth-clients/oauth-service.ts';

/** openid-client, unmodified. It asks for https unless told otherwise. */
// eslint-disable-next-line @typescript-eslint/no-deprecated -- Deprecated so that it stands out, not because it will go away.
const options = { execute: [client.allowInsecureRequests] };

describeJavascriptLibrary({
  name: 'openid-client',
  discover: async (service, name, method = 'client_secret_basic', algorithm = 'oidc', secret) => {
    const { id, authentication } = await credentials(service, name, method, secret);
    const config = await client.discovery(new URL(service.issuer), id, undefined, authentication, {
      ...options,
      algorithm,
    });
    return {
      metadata: { ...config.serverMetadata() },
      clientCredentials: (parameters = {}) => client.clientCredentialsGrant(config, { ...parameters }),
      grant: (grantType, parameters) => client.genericGrantRequest(config, grantType, { ...parameters }),
      introspect: (token, parameters = {}) => client.tokenIntrospection(config, token, { ...parameters }),
      revoke: (token) => client.tokenRevocation(config, token),
    };
  },
  errorCode,
});

function errorCode(error: unknown): string {
  if (error instanceof client.ResponseBodyError) return error.error;
  // A 401 with a challenge is an error of its own class, without the body's code.
  if (error instanceof client.WWWAuthenticateChallengeError && error.status === 401) return 'invalid_client';
  throw error;
}

async function credentials(
  { clients, keyed }: OAuthService,
  name: keyof OAuthService['clients'] | 'keyed',
  method: Method,
  secret?: string,
): Promise<{ readonly id: string; readonly authentication: client.ClientAuth }> {
  if (name === 'keyed') return { id: keyed.id, authentication: client.PrivateKeyJwt(await privateKey(keyed)) };
  const authentication = method === 'client_secret_post' ? client.ClientSecretPost : client.ClientSecretBasic;
  return { id: clients[name].id, authentication: authentication(secret ?? clients[name].secret) };
}

async function privateKey({ kid, privateKey: jwk }: OAuthService['keyed']) {
  return { kid, key: (await importJWK(jwk, 'ES256')) as client.CryptoKey };
}

describe('its assertion', () => {
  let service: OAuthService;
  beforeAll(async () => {
    service = await startOAuthService();
  });
  afterAll(() => service.close());

  /** Requests a token and returns the assertion that was sent, with the result. */
  async function request(modify?: client.ModifyAssertionFunction) {
    const { issuer, keyed } = service;
    const authentication = client.PrivateKeyJwt(
      await privateKey(keyed),
      modify === undefined ? {} : { [client.modifyAssertion]: modify },
    );
    let assertion: string | undefined;
    const config = await client.discovery(new URL(issuer), keyed.id, undefined, authentication, {
      ...options,
      [client.customFetch]: (url, init) => {
        if (init.body instanceof URLSearchParams) assertion = init.body.get('client_assertion') ?? undefined;
        return fetch(url, init as RequestInit);
      },
    });
    const answer = await client.clientCredentialsGrant(config).then(() => 'a token', errorCode);
    return { answer, claims: decodeJwt(assertion!) };
  }

  it('has the issuer as its one audience and lives a minute, by default', async () => {
    const { answer, claims } = await request();
    expect(answer).toBe('a token');
    expect(claims.aud).toBe(service.issuer);
    expect(claims.exp! - claims.iat!).toBe(60);
  });

  it.each([
    ['the URL of the endpoint', () => `${service.issuer}/token`],
    ['the issuer in a list', () => [service.issuer]],
    ['the issuer and the URL of the endpoint', () => [service.issuer, `${service.issuer}/token`]],
  ])('is refused with %s as its audience', async (_name, audience) => {
    const { answer } = await request((_header, payload) => {
      payload['aud'] = audience();
    });
    expect(answer).toBe('invalid_client');
  });

  it.each([
    [300, 'a token'],
    [600, 'invalid_client'],
  ])('that lives %i s gets %s', async (seconds, expected) => {
    const { answer } = await request((_header, payload) => {
      payload['exp'] = Math.floor(Date.now() / 1000) + seconds - 5;
    });
    expect(answer).toBe(expected);
  });
});
