import { decodeJwt } from 'jose';
import { LEDGER, type OAuthService, startOAuthService } from './oauth-service.ts';

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

/** How a client authenticates: by the names of the metadata. */
export const METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;
export type Method = (typeof METHODS)[number];

type Parameters = Readonly<Record<string, string>>;

export interface TokenResponse {
  readonly access_token: string;
  readonly token_type: string;
  readonly expires_in?: number | undefined;
  readonly scope?: string | undefined;
  readonly [parameter: string]: unknown;
}

/** A client of the tenant, as one library represents it after discovery. */
export interface JavascriptClient {
  /** What the library found: the members of the metadata. */
  readonly metadata: Readonly<Record<string, unknown>>;
  clientCredentials(parameters?: Parameters): Promise<TokenResponse>;
  grant(grantType: string, parameters: Parameters): Promise<TokenResponse>;
  introspect(token: string, parameters?: Parameters): Promise<Readonly<Record<string, unknown>>>;
  revoke(token: string): Promise<void>;
}

export interface JavascriptLibrary {
  readonly name: string;
  /** @param discovery by which document */
  discover(
    service: OAuthService,
    client: keyof OAuthService['clients'] | 'keyed',
    method?: Method,
    discovery?: 'oidc' | 'oauth2',
    secret?: string,
  ): Promise<JavascriptClient>;
  /** The endpoint's error code. Rethrows an error of another kind. */
  errorCode(error: unknown): string;
}

/** What every client library for JavaScript can do at the token endpoint, introspection and revocation. */
export function describeJavascriptLibrary(library: JavascriptLibrary): void {
  describe(library.name, () => {
    let service: OAuthService;
    beforeAll(async () => {
      service = await startOAuthService();
    });
    afterAll(() => service.close());

    const refusalOf = async (answer: Promise<unknown>): Promise<string> => {
      try {
        await answer;
      } catch (error) {
        return library.errorCode(error);
      }
      throw new Error('no refusal came');
    };

    it.each(['oidc', 'oauth2'] as const)('finds the endpoints by the metadata of %s', async (discovery) => {
      const { metadata } = await library.discover(service, 'billing', 'client_secret_basic', discovery);
      expect(metadata).toMatchObject({
        issuer: service.issuer,
        token_endpoint: `${service.issuer}/token`,
        introspection_endpoint: `${service.issuer}/introspect`,
        revocation_endpoint: `${service.issuer}/revoke`,
      });
      expect(metadata['grant_types_supported']).toEqual(
        expect.arrayContaining(['client_credentials', TOKEN_EXCHANGE, JWT_BEARER]),
      );
      expect(metadata['token_endpoint_auth_methods_supported']).toEqual(expect.arrayContaining([...METHODS]));
    });

    it.each(METHODS)('gets a service token by %s', async (method) => {
      const client = method === 'private_key_jwt' ? 'keyed' : 'billing';
      const answer = await (await library.discover(service, client, method)).clientCredentials();
      expect(answer.token_type).toBe('bearer');
      expect(await service.claims(answer.access_token)).toMatchObject({
        sub: `client:shop/${client}`,
        client_id: client,
        aud: 'billing-api',
        surface: 'service',
        scope: answer.scope,
      });
      expect(answer.scope?.split(' ').sort()).toEqual(
        client === 'billing' ? ['invoices:read', 'invoices:write'] : ['invoices:read'],
      );
    });

    it('narrows a token to a scope and a resource', async () => {
      const billing = await library.discover(service, 'billing');
      const answer = await billing.clientCredentials({ scope: 'invoices:read', resource: LEDGER });
      expect(await service.claims(answer.access_token)).toMatchObject({ aud: LEDGER, scope: 'invoices:read' });
    });

    it('gets no token with more than the client has', async () => {
      const billing = await library.discover(service, 'billing');
      const resource = 'https://elsewhere.example/api';
      expect(await refusalOf(billing.clientCredentials({ scope: 'invoices:read orders:read' }))).toBe('invalid_scope');
      expect(await refusalOf(billing.clientCredentials({ resource }))).toBe('invalid_target');
      const web = await library.discover(service, 'web');
      expect(await refusalOf(web.clientCredentials())).toBe('unauthorized_client');
    });

    it('exchanges a user token that it received', async () => {
      const api = await library.discover(service, 'api');
      const userToken = await service.userToken();
      const answer = await api.grant(TOKEN_EXCHANGE, {
        subject_token: userToken,
        subject_token_type: ACCESS_TOKEN,
        audience: 'stock-api',
        scope: 'orders:read',
      });
      expect(answer['issued_token_type']).toBe(ACCESS_TOKEN);
      const root = decodeJwt(userToken);
      const claims = await service.claims(answer.access_token);
      expect(claims).toMatchObject({
        sub: 'u-ada',
        surface: 'user',
        aud: 'stock-api',
        scope: 'orders:read',
        root: root.jti,
        act: { sub: 'client:shop/api', client_id: 'api', act: { sub: 'client:shop/web', client_id: 'web' } },
      });
      expect(claims.exp).toBeLessThanOrEqual(root.exp!);
    });

    // billing may exchange for the same audience; it receives tokens of another.
    it('does not exchange a token that another client received', async () => {
      const billing = await library.discover(service, 'billing');
      const exchange = billing.grant(TOKEN_EXCHANGE, {
        subject_token: await service.userToken(),
        subject_token_type: ACCESS_TOKEN,
        audience: 'stock-api',
      });
      expect(await refusalOf(exchange)).toBe('invalid_grant');
    });

    it('gets a user token for an ID token, once', async () => {
      const web = await library.discover(service, 'web');
      const assertion = await service.idToken();
      const answer = await web.grant(JWT_BEARER, { assertion });
      const claims = await service.claims(answer.access_token);
      expect(claims).toMatchObject({ sub: 'u-grace', surface: 'user', client_id: 'web', aud: 'shop-api' });
      expect(claims['idp']).toBe(decodeJwt(assertion).iss);
      expect(await refusalOf(web.grant(JWT_BEARER, { assertion }))).toBe('invalid_grant');
    });

    it.each(METHODS)('introspects a token and revokes it by %s', async (method) => {
      const name = method === 'private_key_jwt' ? 'keyed' : 'billing';
      const client = await library.discover(service, name, method);
      const { access_token: token } = await client.clientCredentials();
      const introspect = () => client.introspect(token, { surface: 'service' });
      expect(await introspect()).toMatchObject({ active: true, sub: `client:shop/${name}`, aud: 'billing-api' });
      // A token of services is not active where users are expected, as everywhere.
      expect(await client.introspect(token)).toEqual({ active: false });
      await client.revoke(token);
      expect(await introspect()).toEqual({ active: false });
    });

    it('gets no token with a wrong secret', async () => {
      for (const method of ['client_secret_basic', 'client_secret_post'] as const) {
        const billing = await library.discover(service, 'billing', method, 'oidc', 'wrong');
        expect(await refusalOf(billing.clientCredentials())).toBe('invalid_client');
      }
    });
  });
}
