/**
 * The minimum that an exchange must do: Fastify, two ES256 signatures verified by node:crypto, one row in SQLite that redeems each token once, one
 * signature made. No tenant, no conditions, no directory, no audit, no log. `node bare-exchange.ts PORT DATABASE KEYS`.
 */
import { createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject, randomUUID, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { argv } from 'node:process';
import Database from 'better-sqlite3';
import fastify from 'fastify';
import { SAMPLE } from '../sample/sample-request.ts';
import { signEs256 } from './sign-es256.ts';

const [port, file, keys] = argv.slice(2);
const [bearerKey, providerKey] = (JSON.parse(readFileSync(keys ?? '', 'utf8')) as [JsonWebKey, JsonWebKey]).map((key) =>
  createPublicKey({ key, format: 'jwk' }),
) as [KeyObject, KeyObject];
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const issuer = `http://127.0.0.1:${port ?? ''}/tenants/${SAMPLE.tenant}`;
const header = encode({ typ: 'at+jwt', alg: 'ES256', kid: randomUUID() });

const database = new Database(file);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = NORMAL');
database.exec('CREATE TABLE spent (issuer TEXT, token_id TEXT, PRIMARY KEY (issuer, token_id))');
const redeem = database.prepare('INSERT INTO spent (issuer, token_id) VALUES (?, ?)');

interface Claims {
  readonly iss: string;
  readonly jti: string;
  readonly email: string;
  readonly client_id: string;
}

const app = fastify();
app.post(
  '/auth/user/oidcToken',
  {
    schema: {
      body: {
        type: 'object',
        required: ['oidc_token'],
        additionalProperties: false,
        properties: { oidc_token: { type: 'string' } },
      },
      response: {
        200: {
          type: 'object',
          properties: {
            access_token: { type: 'string' },
            expires_in: { type: 'integer' },
            token_type: { type: 'string' },
          },
        },
      },
    },
  },
  (request) => {
    const bearer = claimsOf((request.headers.authorization ?? '').slice('Bearer '.length), bearerKey);
    const subject = claimsOf((request.body as { oidc_token: string }).oidc_token, providerKey);
    if (bearer === undefined || subject === undefined) throw Object.assign(new Error('refused'), { statusCode: 401 });
    redeem.run(subject.iss, subject.jti);
    const now = Math.floor(Date.now() / 1000);
    const input = `${header}.${encode({
      iss: issuer,
      sub: SAMPLE.userId,
      aud: SAMPLE.audience,
      client_id: bearer.client_id,
      iat: now,
      exp: now + SAMPLE.ttlSeconds,
      jti: randomUUID(),
      scope: SAMPLE.scopes.join(' '),
      roles: SAMPLE.roles,
      groups: SAMPLE.groups,
      resources: SAMPLE.resources,
      tenant_id: SAMPLE.tenant,
      project_id: SAMPLE.project,
      email_id: subject.email,
      surface: 'user',
      act: { client_id: bearer.client_id, sub: SAMPLE.userId },
      idp: subject.iss,
    })}`;
    return {
      access_token: `${input}.${signEs256(input, privateKey)}`,
      expires_in: SAMPLE.ttlSeconds,
      token_type: 'Bearer',
    };
  },
);
await app.listen({ host: '127.0.0.1', port: Number(port) });

function claimsOf(token: string, key: KeyObject): Claims | undefined {
  const end = token.lastIndexOf('.');
  const signature = Buffer.from(token.slice(end + 1), 'base64url');
  const input = token.slice(0, end);
  if (!verify('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }, signature)) return undefined;
  return JSON.parse(Buffer.from(input.slice(input.indexOf('.') + 1), 'base64url').toString()) as Claims;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
