/**
 * The minimum that a token exchange (RFC 8693) must do, as a careful developer would write it by hand: Fastify, a form, one ES256 signature verified
 * by node:crypto with the audience and expiry of its token, one signature made. The caller's secret is not checked. No tenant, no client, no
 * directory, no revocations, no audit, no log. `node bare-token-exchange.ts PORT KEY`, where KEY is a file with the public JWK of the subject tokens.
 */
import { createPublicKey, generateKeyPairSync, type JsonWebKey, randomUUID, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { argv } from 'node:process';
import fastify from 'fastify';
import { SAMPLE } from '../sample/sample-request.ts';
import { signEs256 } from './sign-es256.ts';

const [port, keyFile] = argv.slice(2);
const publicKey = createPublicKey({
  key: JSON.parse(readFileSync(keyFile ?? '', 'utf8')) as JsonWebKey,
  format: 'jwk',
});
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const issuer = `http://127.0.0.1:${port ?? ''}/tenants/${SAMPLE.tenant}`;
const header = encode({ typ: 'at+jwt', alg: 'ES256', kid: randomUUID() });
const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';

interface Claims {
  readonly sub: string;
  readonly aud: string;
  readonly exp: number;
  readonly jti: string;
  readonly client_id: string;
  readonly email_id: string;
}

const app = fastify();
app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
  done(null, new URLSearchParams(body as string));
});
app.post(
  '/tenants/:tenant/token',
  {
    schema: {
      response: {
        200: {
          type: 'object',
          properties: {
            access_token: { type: 'string' },
            token_type: { type: 'string' },
            expires_in: { type: 'integer' },
            scope: { type: 'string' },
            issued_token_type: { type: 'string' },
          },
        },
      },
    },
  },
  (request) => {
    const form = request.body as URLSearchParams;
    const now = Math.floor(Date.now() / 1000);
    const subject = claimsOf(form.get('subject_token') ?? '');
    const audience = form.get('audience');
    if (subject?.aud !== SAMPLE.audience || subject.exp <= now || audience === null)
      throw Object.assign(new Error('refused'), { statusCode: 400 });
    const exp = Math.min(now + SAMPLE.ttlSeconds, subject.exp);
    const scope = SAMPLE.scopes.join(' ');
    const caller = { sub: `client:${SAMPLE.project}/${SAMPLE.client}`, client_id: SAMPLE.client };
    const input = `${header}.${encode({
      iss: issuer,
      sub: subject.sub,
      aud: audience,
      client_id: SAMPLE.client,
      iat: now,
      exp,
      jti: randomUUID(),
      scope,
      roles: SAMPLE.roles,
      groups: SAMPLE.groups,
      resources: SAMPLE.resources,
      tenant_id: SAMPLE.tenant,
      project_id: SAMPLE.project,
      email_id: subject.email_id,
      surface: 'user',
      act: { ...caller, act: { ...caller, client_id: subject.client_id } },
      root: subject.jti,
    })}`;
    return {
      access_token: `${input}.${signEs256(input, privateKey)}`,
      token_type: 'Bearer',
      expires_in: exp - now,
      scope,
      issued_token_type: ACCESS_TOKEN_TYPE,
    };
  },
);
await app.listen({ host: '127.0.0.1', port: Number(port) });

function claimsOf(token: string): Claims | undefined {
  const end = token.lastIndexOf('.');
  const signature = Buffer.from(token.slice(end + 1), 'base64url');
  const input = token.slice(0, end);
  if (!verify('sha256', Buffer.from(input), { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)) return undefined;
  return JSON.parse(Buffer.from(input.slice(input.indexOf('.') + 1), 'base64url').toString()) as Claims;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
