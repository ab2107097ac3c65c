import { randomUUID } from 'node:crypto';
import { SAMPLE } from '../sample/sample-request.ts';

export interface TokenRequest {
  readonly client_id: string;
  readonly email_id: string;
  readonly project_id: string;
  readonly tenant_id: string;
}

/** The first two parts of the token that Tessera makes of the sample request, as a server without tenants makes them. */
export class BareClaims {
  readonly #issuer: string;
  readonly #header: string;

  /** @param port of the server */
  constructor(port: string) {
    this.#issuer = `http://127.0.0.1:${port}/tenants/${SAMPLE.tenant}`;
    this.#header = encode({ typ: 'at+jwt', alg: 'ES256', kid: randomUUID() });
  }

  signingInput(request: TokenRequest): string {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: this.#issuer,
      sub: SAMPLE.userId,
      aud: SAMPLE.audience,
      client_id: request.client_id,
      iat: now,
      exp: now + SAMPLE.ttlSeconds,
      jti: randomUUID(),
      scope: SAMPLE.scopes.join(' '),
      roles: SAMPLE.roles,
      groups: SAMPLE.groups,
      resources: SAMPLE.resources,
      tenant_id: request.tenant_id,
      project_id: request.project_id,
      email_id: request.email_id,
      surface: 'user',
    };
    return `${this.#header}.${encode(claims)}`;
  }
}

/** As long as a signature of ES256. */
export const NO_SIGNATURE = 'A'.repeat(86);

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
