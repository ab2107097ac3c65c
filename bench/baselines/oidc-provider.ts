/**
 * oidc-provider's client_credentials grant with a JWT access token for a resource (RFC 8707), in its default in-memory store, with the
 * claims of the other contenders. `node oidc-provider.ts PORT METHOD`, where METHOD is how the client authenticates; the endpoint is /token.
 */
import { generateKeyPairSync } from 'node:crypto';
import { argv } from 'node:process';
import Provider, { type ClientAuthMethod, type JWK } from 'oidc-provider';
import { BASELINE_SECRET, SAMPLE } from '../sample/sample-request.ts';

const port = Number(argv[2]);
const method = argv[3] as ClientAuthMethod;
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = { ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'bench' } as JWK;

const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: { keys: [key] },
  clients: [
    {
      client_id: SAMPLE.client,
      client_secret: BASELINE_SECRET,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: method,
      id_token_signed_response_alg: 'ES256',
    },
  ],
  scopes: [...SAMPLE.scopes],
  extraTokenClaims: () => ({
    roles: SAMPLE.roles,
    groups: SAMPLE.groups,
    resources: SAMPLE.resources,
    tenant_id: SAMPLE.tenant,
    project_id: SAMPLE.project,
    email_id: SAMPLE.email,
    surface: 'user',
  }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        scope: SAMPLE.scopes.join(' '),
        audience: SAMPLE.audience,
        accessTokenTTL: SAMPLE.ttlSeconds,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});
provider.listen(port, '127.0.0.1');
