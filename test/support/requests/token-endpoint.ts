import { decodeJwt, type JWTPayload } from 'jose';
import type { TestTesseraServer } from '../tessera/tessera.ts';
import type { Answer } from './answer.ts';
import { basic } from './basic-credentials.ts';

export const GRANTS = {
  clientCredentials: 'client_credentials',
  tokenExchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
  jwtBearer: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
} as const;
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

export type Parameters = Readonly<Record<string, string>>;

/** The token endpoint of a tenant, as its clients use it. */
export class TokenEndpointUser {
  readonly #tessera: Pick<TestTesseraServer, 'post' | 'postForm' | 'secret'>;
  readonly #tenant: string;

  constructor(tessera: Pick<TestTesseraServer, 'post' | 'postForm' | 'secret'>, tenant = 'acme') {
    this.#tessera = tessera;
    this.#tenant = tenant;
  }

  /** @param client `project/client`; its secret is in the header */
  request(client: string, parameters: Parameters): Promise<Answer> {
    return this.#tessera.postForm(`/tenants/${this.#tenant}/token`, parameters, this.header(client));
  }

  header(client: string): { readonly authorization: string } {
    return basic(client, this.#tessera.secret(`${this.#tenant}/${client}`));
  }

  clientCredentials(client: string, parameters: Parameters = {}): Promise<Answer> {
    return this.request(client, { grant_type: GRANTS.clientCredentials, ...parameters });
  }

  exchange(client: string, token: string, parameters: Parameters = {}): Promise<Answer> {
    const subject = { subject_token: token, subject_token_type: ACCESS_TOKEN };
    return this.request(client, { grant_type: GRANTS.tokenExchange, ...subject, ...parameters });
  }

  /** A token of generateToken. */
  async userToken(email: string, client = 'shop/web', surface: 'user' | 'admin' = 'user'): Promise<string> {
    const [project, id] = client.split('/');
    const answer = await this.#tessera.post(`/auth/${surface}/generateToken`, {
      tenant_id: this.#tenant,
      project_id: project,
      client_id: id,
      email_id: email,
      secret_id: this.#tessera.secret(`${this.#tenant}/${client}`),
    });
    return tokenOf(answer);
  }

  /** With `chainTenants`: a token, what api exchanged it for, and what stock exchanged that for. */
  async chain(): Promise<{ readonly root: string; readonly child: string; readonly grandchild: string }> {
    const root = await this.userToken('ada@acme.example');
    const child = tokenOf(await this.exchange('shop/api', root, { audience: 'stock-api' }));
    const grandchild = tokenOf(await this.exchange('shop/stock', child, { audience: 'ledger-api' }));
    return { root, child, grandchild };
  }
}

/** The token of a response that must have one. */
export function tokenOf({ status, text, body }: Answer): string {
  if (status !== 200) throw new Error(`no token: ${status} ${text}`);
  return body['access_token'] as string;
}

export function claimsOf(answer: Answer): JWTPayload & Record<string, unknown> {
  return decodeJwt(tokenOf(answer));
}

/** Status and code of an error in the form of RFC 6749, section 5.2. Fails the test for any other response. */
export function oauthRefusal({ status, headers, body, text }: Answer): string {
  if (status < 400) throw new Error(`no refusal came: ${status} ${text}`);
  expect(headers.get('content-type')).toBe('application/json');
  expect(headers.get('cache-control')).toBe('no-store');
  expect(Object.keys(body)).toEqual(['error', 'error_description', 'request_id']);
  // RFC 6749, section 5.2.
  expect(body['error_description']).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
  return `${status} ${String(body['error'])}`;
}
