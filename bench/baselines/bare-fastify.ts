/**
 * The minimum that a token endpoint must do: Fastify, a JSON schema for request and response, one ES256 signature by node:crypto. No tenant, no
 * secret, no database, no audit, no log. `node bare-fastify.ts PORT sync|batched`. Less and more than that, for the floor: `unsigned`, and
 * `recorded FOLDER`, which is `batched` with a row and a log line for each token.
 */
import { generateKeyPairSync } from 'node:crypto';
import { argv } from 'node:process';
import fastify from 'fastify';
import { SAMPLE } from '../sample/sample-request.ts';
import { BareClaims, NO_SIGNATURE, type TokenRequest } from './bare-claims.ts';
import { BareRecord } from './bare-record.ts';
import { signEs256 } from './sign-es256.ts';

const [port = '', scheduling, folder = ''] = argv.slice(2);
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const claims = new BareClaims(port);
const record = scheduling === 'recorded' ? new BareRecord(folder) : undefined;

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
    const input = claims.signingInput(request.body as TokenRequest);
    const ready = signatureOf(input);
    const signature = typeof ready === 'string' ? ready : await ready;
    return { access_token: `${input}.${signature}`, expires_in: SAMPLE.ttlSeconds, token_type: 'Bearer' };
  },
);
await app.listen({ host: '127.0.0.1', port: Number(port) });

function signatureOf(input: string): string | Promise<string> {
  if (scheduling === 'unsigned') return NO_SIGNATURE;
  return scheduling === 'sync' ? signEs256(input, privateKey) : signInBatch(input);
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
  // Who waits goes on when this function has ended.
  record?.write(batch.length);
}
