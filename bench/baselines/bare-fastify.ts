/**
 * The minimum that a token endpoint must do: Fastify, a JSON schema for request and response, one ES256 signature by node:crypto. No tenant, no
 * secret, no database, no audit, no log. `node bare-fastify.ts PORT sync|batched`.
 */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { argv } from 'node:process';
import fastify from 'fastify';
import { SAMPLE } from '../sample/sample-request.ts';
import { signEs256 } from './sign-es256.ts';

const [port, scheduling] = argv.slice(2);
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const issuer = `http://127.0.0.1:${port ?? ''}/tenants/${SAMPLE.tenant}`;
const header = encode({ typ: 'at+jwt', alg: 'ES256', kid: randomUUID() });

const app = fastify();
app.post(
  '/auth/user/generateToken',
  {
    schema: {
      body: {
        type: 'object',
        required: ['client_id', 'email_id', 'project_id', 'tenant_id'],
        additionalProperties: false,
        properties: {
          client_id: { type: 'string' },
          email_id: { type: 'string' },
          project_id: { type: 'string' },
          tenant_id: { type: 'string' },
          secret_id: { type: 'string' },
        },
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
  async (request) => {
    const input = `${header}.${encode(claimsFor(request.body as TokenRequest))}`;
    const signature = scheduling === 'batched' ? await signInBatch(input) : signEs256(input, privateKey);
    return { access_token: `${input}.${signature}`, expires_in: SAMPLE.ttlSeconds, token_type: 'Bearer' };
  },
);
await app.listen({ host: '127.0.0.1', port: Number(port) });

interface TokenRequest {
  readonly client_id: string;
  readonly email_id: string;
  readonly project_id: string;
  readonly tenant_id: string;
}

function claimsFor(request: TokenRequest): object {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: issuer,
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
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

interface Waiting {
  readonly input: string;
  readonly resolve: (signature: string) => void;
}
let waiting: Waiting[] = [];

/** Signs all requests of one turn of the event loop together. */
function signInBatch(input: string): Promise<string> {
  return new Promise((resolve) => {
    if (waiting.push({ input, resolve }) === 1) setImmediate(signWaiting);
  });
}

function signWaiting(): void {
  const batch = waiting;
  waiting = [];
  for (const { input, resolve } of batch) resolve(signEs256(input, privateKey));
}
