import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import { startOidcProvider } from '../../../src/testing/oidc-provider.ts';
import { startTessera, type TestTesseraServer } from '../tessera/tessera.ts';
import { type ClientSigningKey, clientSigningKey } from './client-signing-key.ts';

/** A tenant with one client for each way to use the token endpoint, for OAuth clients that know nothing of Tessera. */
export interface OAuthService {
  readonly tessera: TestTesseraServer;
  readonly issuer: string;
  /** The name of a client at the endpoint, and its secret. `keyed` has none. */
  readonly clients: Readonly<Record<'web' | 'billing' | 'api', ClientCredentials>>;
  readonly keyed: { readonly id: string } & ClientSigningKey;
  /** A token of Ada for `web`, as an application has it. */
  userToken(): Promise<string>;
  /** An ID token for Grace, of a login at the identity provider that the tenant trusts. */
  idToken(): Promise<string>;
  /** The claims of an access token. Fails the test unless a published key of the tenant has signed it. */
  claims(accessToken: string): Promise<JWTPayload>;
  /** Why the token endpoint has refused clients so far, in order: what the server logged and told nobody. */
  reasonsOfInvalidClient(): readonly string[];
  close(): Promise<void>;
}

export interface ClientCredentials {
  readonly id: string;
  readonly secret: string;
}

export const LEDGER = 'https://ledger.example/api';

export async function startOAuthService(): Promise<OAuthService> {
  const provider = await startOidcProvider({
    clientId: 'tessera-acme',
    accounts: ['1', '2', '3'].map((sub) => ({ sub, email: 'grace@acme.example', email_verified: true })),
  });
  const key = await clientSigningKey();
  const tessera = await startTessera({
    tenantsFile: tenantsFile(key, provider.issuer),
    env: { TESSERA_FEDERATION_ALLOWED_HOSTS: provider.hostPort },
  });
  // The clients have the system's clock.
  const following = setInterval(() => {
    tessera.clock.jumpAheadOfSystem(0);
  }, 100);
  const issuer = `${tessera.url}/tenants/acme`;
  const credentials = (id: string) => ({ id: `shop/${id}`, secret: tessera.secret(`acme/shop/${id}`) });
  // A provider without jti gives one account the same ID token twice in a second.
  const accounts = ['1', '2', '3'];
  return {
    tessera,
    issuer,
    clients: { web: credentials('web'), billing: credentials('billing'), api: credentials('api') },
    keyed: { id: 'shop/keyed', ...key },
    userToken: async () => {
      const answer = await tessera.post('/auth/user/generateToken', {
        tenant_id: 'acme',
        project_id: 'shop',
        client_id: 'web',
        email_id: 'ada@acme.example',
        secret_id: tessera.secret('acme/shop/web'),
      });
      if (answer.status !== 200) throw new Error(`no user token: ${answer.status}`);
      return answer.body['access_token'] as string;
    },
    idToken: async () => {
      const account = accounts.shift();
      if (account === undefined) throw new Error('the provider needs another account');
      return (await provider.logIn(account)).idToken;
    },
    claims: async (accessToken) => {
      const published = (await tessera.get('/tenants/acme/jwks.json')).body as unknown as JSONWebKeySet;
      const { payload } = await jwtVerify(accessToken, createLocalJWKSet(published), { issuer, typ: 'at+jwt' });
      return payload;
    },
    reasonsOfInvalidClient: () =>
      tessera
        .log()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { readonly outcome?: string; readonly reason: string })
        .filter(({ outcome }) => outcome === 'invalid_client')
        .map(({ reason }) => reason),
    close: async () => {
      clearInterval(following);
      await tessera.close();
      await provider.close();
    },
  };
}

function tenantsFile({ publicKey }: ClientSigningKey, provider: string): string {
  return `apiVersion: tessera/v1
tenants:
  - id: acme
    database: { driver: sqlite }
    tokens: { alg: ES256, ttl: 15m }
    issuers:
      - id: corp
        issuer: ${provider}
        audiences: [tessera-acme]
        algorithms: [ES256]
        conditions: none
        subject: { match: email, domains: [acme.example] }
        clients: [web]
        surfaces: [user]
    projects:
      - id: shop
        clients:
          - id: web
            surfaces: [user]
            audience: shop-api
            scopes: ["orders:read", "orders:write"]
            subjects: any
          - id: billing
            surfaces: [user]
            audience: billing-api
            audiences: ["${LEDGER}"]
            scopes: ["invoices:read", "invoices:write"]
            subjects: any
            service: { roles: [biller] }
            exchange: [{ to: stock-api, scopes: subset }]
          - id: keyed
            surfaces: [user]
            audience: billing-api
            scopes: ["invoices:read"]
            subjects: any
            service: { roles: [biller] }
            keys: [${JSON.stringify(publicKey)}]
          - id: api
            surfaces: [user]
            audience: shop-backend
            scopes: ["orders:read", "orders:write"]
            subjects: any
            receives: [shop-api]
            exchange: [{ to: stock-api, scopes: subset }]
    scopes:
      - { name: "orders:read", resource: orders }
      - { name: "orders:write", resource: orders }
      - { name: "invoices:read", resource: invoices }
      - { name: "invoices:write", resource: invoices }
    roles:
      - { name: seller, scopes: ["orders:read", "orders:write"] }
      - { name: biller, scopes: ["invoices:read", "invoices:write"] }
    users:
      - { id: u-ada, email: ada@acme.example, roles: [seller] }
      - { id: u-grace, email: grace@acme.example, roles: [seller] }
`;
}
