import { randomUUID } from 'node:crypto';
import { Pool } from 'undici';
import { SAMPLE } from '../sample/sample-request.ts';
import type { ProviderSigningKey } from '../../src/testing/provider-tokens.ts';
import { writeSubjectToken } from '../../src/testing/provider-tokens.ts';
import { GENERATE_TOKEN } from '../harness/tessera.ts';

export const TARGET_AUDIENCE = 'stock-api';
export const PROVIDER_AUDIENCE = 'tessera-soak';

export interface Reply {
  readonly status: number;
  readonly body: string;
}

/** The requests of a tenant's client and of its user. */
export class Requests {
  // It costs less than node:http, which would use the core of the load up before the server is loaded.
  readonly #pool: Pool;
  readonly #provider: { readonly issuer: string; readonly key: ProviderSigningKey };

  constructor(url: string, provider: { readonly issuer: string; readonly key: ProviderSigningKey }) {
    this.#pool = new Pool(url, { connections: 64 });
    this.#provider = provider;
  }

  mint(tenant: string, secret: string): Promise<Reply> {
    return this.#json(GENERATE_TOKEN, {
      tenant_id: tenant,
      project_id: SAMPLE.project,
      client_id: SAMPLE.client,
      email_id: SAMPLE.email,
      secret_id: secret,
    });
  }

  /** `oidcToken`, each time with a new ID token. */
  redeem(bearer: string): Promise<Reply> {
    const iat = Math.floor(Date.now() / 1000);
    const claims = {
      iss: this.#provider.issuer,
      sub: '248289761001',
      aud: PROVIDER_AUDIENCE,
      iat,
      exp: iat + 300,
      jti: randomUUID(),
      email: SAMPLE.email,
      email_verified: true,
      hd: 'acme.example',
    };
    const idToken = writeSubjectToken({ key: this.#provider.key, claims });
    return this.#json('/auth/user/oidcToken', { oidc_token: idToken }, { authorization: `Bearer ${bearer}` });
  }

  /** Token exchange at the token endpoint. */
  exchange(tenant: string, secret: string, subjectToken: string): Promise<Reply> {
    return this.#form(`/tenants/${tenant}/token`, secret, {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: subjectToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: TARGET_AUDIENCE,
    });
  }

  revoke(tenant: string, secret: string, token: string): Promise<Reply> {
    return this.#form(`/tenants/${tenant}/revoke`, secret, { token });
  }

  /** Whether the server itself takes a user token for valid: 200 or 401. */
  verify(token: string): Promise<Reply> {
    return this.#json('/auth/user/verifyToken', { token });
  }

  async metrics(): Promise<string> {
    return (await this.#send('GET', '/metrics')).body;
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  #json(path: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    return this.#send('POST', path, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
  }

  #form(path: string, secret: string, fields: Readonly<Record<string, string>>): Promise<Reply> {
    // Neither the ids nor the secret have a character that has to be encoded, but the slash does.
    const credentials = Buffer.from(`${SAMPLE.project}%2F${SAMPLE.client}:${secret}`).toString('base64');
    return this.#send('POST', path, new URLSearchParams(fields).toString(), {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${credentials}`,
    });
  }

  /** Status 0: no response. */
  async #send(
    method: 'GET' | 'POST',
    path: string,
    body: string | null = null,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Reply> {
    try {
      const response = await this.#pool.request({ method, path, headers, body });
      return { status: response.statusCode, body: await response.body.text() };
    } catch (error) {
      return { status: 0, body: (error as Error).message };
    }
  }
}

export function tokenOf({ status, body }: Reply): string | undefined {
  return status === 200 ? (JSON.parse(body) as { access_token: string }).access_token : undefined;
}
