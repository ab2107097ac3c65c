import { generateKeyPairSync, type JsonWebKey, type KeyObject, randomUUID, sign } from 'node:crypto';
import { SAMPLE } from './sample-request.ts';

/** The issuer that the verifiers here trust. Nothing listens there: its keys are passed directly. */
export const ISSUER = `https://tessera.example/tenants/${SAMPLE.tenant}`;

export interface SampleKey {
  readonly publicJwk: JsonWebKey;
  readonly privateKey: KeyObject;
}

export function newSampleKey(): SampleKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, publicJwk: { ...publicKey.export({ format: 'jwk' }), kid: 'k-1', alg: 'ES256', use: 'sig' } };
}

/**
 * A token with the claims of the sample, valid for an hour. All tokens differ.
 *
 * @param changes override the claims of the sample
 */
export function newSampleToken(key: SampleKey, changes: Readonly<Record<string, unknown>> = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = encode({ typ: 'at+jwt', alg: 'ES256', kid: 'k-1' });
  const payload = encode({
    iss: ISSUER,
    sub: SAMPLE.userId,
    aud: SAMPLE.audience,
    client_id: SAMPLE.client,
    iat: now,
    exp: now + 3_600,
    jti: randomUUID(),
    scope: SAMPLE.scopes.join(' '),
    roles: SAMPLE.roles,
    groups: SAMPLE.groups,
    resources: SAMPLE.resources,
    tenant_id: SAMPLE.tenant,
    project_id: SAMPLE.project,
    email_id: SAMPLE.email,
    surface: 'user',
    ...changes,
  });
  const signature = sign('sha256', Buffer.from(`${header}.${payload}`), {
    key: key.privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return `${header}.${payload}.${signature.toString('base64url')}`;
}
