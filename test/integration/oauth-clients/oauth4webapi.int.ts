import { importJWK } from 'jose';
import * as oauth from 'oauth4webapi';
import { describeJavascriptLibrary, type Method } from '../../support/oauth-clients/javascript-client-rules.ts';
import type { OAuthService } from '../../support/oauth-clients/oauth-service.ts';

/** oauth4webapi, unmodified. It asks for https unless told otherwise. */
// eslint-disable-next-line @typescript-eslint/no-deprecated -- Deprecated so that it stands out, not because it will go away.
const insecure = { [oauth.allowInsecureRequests]: true };

describeJavascriptLibrary({
  name: 'oauth4webapi',
  discover: async (service, name, method = 'client_secret_basic', algorithm = 'oidc', secret) => {
    const { id, authentication } = await credentials(service, name, method, secret);
    const issuer = new URL(service.issuer);
    const found = await oauth.discoveryRequest(issuer, { ...insecure, algorithm });
    const server = await oauth.processDiscoveryResponse(issuer, found);
    const client = { client_id: id };
    return {
      metadata: { ...server },
      clientCredentials: async (parameters = {}) => {
        const form = new URLSearchParams(parameters);
        const answer = await oauth.clientCredentialsGrantRequest(server, client, authentication, form, insecure);
        return oauth.processClientCredentialsResponse(server, client, answer);
      },
      grant: async (grantType, parameters) => {
        const form = new URLSearchParams(parameters);
        const answer = await oauth.genericTokenEndpointRequest(
          server,
          client,
          authentication,
          grantType,
          form,
          insecure,
        );
        return oauth.processGenericTokenEndpointResponse(server, client, answer);
      },
      introspect: async (token, parameters = {}) => {
        const additionalParameters = new URLSearchParams(parameters);
        const answer = await oauth.introspectionRequest(server, client, authentication, token, {
          ...insecure,
          additionalParameters,
        });
        return oauth.processIntrospectionResponse(server, client, answer);
      },
      revoke: async (token) => {
        const answer = await oauth.revocationRequest(server, client, authentication, token, insecure);
        await oauth.processRevocationResponse(answer);
      },
    };
  },
  errorCode: (error) => {
    if (error instanceof oauth.ResponseBodyError) return error.error;
    // A 401 with a challenge is an error of its own class, without the body's code.
    if (error instanceof oauth.WWWAuthenticateChallengeError && error.status === 401) return 'invalid_client';
    throw error;
  },
});

async function credentials(
  { clients, keyed }: OAuthService,
  name: keyof OAuthService['clients'] | 'keyed',
  method: Method,
  secret?: string,
): Promise<{ readonly id: string; readonly authentication: oauth.ClientAuth }> {
  if (name === 'keyed') {
    const key = (await importJWK(keyed.privateKey, 'ES256')) as oauth.CryptoKey;
    return { id: keyed.id, authentication: oauth.PrivateKeyJwt({ kid: keyed.kid, key }) };
  }
  const authentication = method === 'client_secret_post' ? oauth.ClientSecretPost : oauth.ClientSecretBasic;
  return { id: clients[name].id, authentication: authentication(secret ?? clients[name].secret) };
}
