import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { parseEmail } from '../../domain/email.ts';

/** The audience of its tokens. */
export const TOY_AUDIENCE = 'tessera-quickstart';

const HOST = '127.0.0.1';
const KEY_ID = 'toy';
const LIFETIME_SECONDS = 300;

/** An identity provider to try the exchange with. It asks nobody who they are: it says of each caller what the caller wants. */
export interface ToyProvider {
  readonly issuer: string;
  /** As it is written in `TESSERA_FEDERATION_ALLOWED_HOSTS`. */
  readonly hostPort: string;
  /** Where a GET answers with an ID token of this person, as text. */
  tokenUrl(email: string): string;
}

export function toyIssuer(port: number): string {
  return `http://${HOST}:${port}`;
}

/**
 * Starts it on loopback, with a new key, until the process ends.
 *
 * @returns undefined if it cannot listen on the port
 */
export async function startToyProvider(port: number): Promise<ToyProvider | undefined> {
  const issuer = toyIssuer(port);
  const hostPort = `${HOST}:${port}`;
  const answer = answersOf(issuer);
  const server = createServer((request, response) => {
    // A web page whose host name leads to loopback must not read tokens.
    const { status, type, body } = request.headers.host === hostPort ? answer(request) : NOT_FOUND;
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
  });
  server.listen(port, HOST);
  try {
    await once(server, 'listening');
  } catch {
    return undefined;
  }
  // The server of the quickstart decides how long the process lives.
  server.unref();
  return {
    issuer,
    hostPort,
    tokenUrl: (email) => `${issuer}/token?email=${encodeURIComponent(email).replaceAll("'", '%27')}`,
  };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const NOT_FOUND: Answer = { status: 404, type: 'text/plain', body: 'not found\n' };

function answersOf(issuer: string): (request: IncomingMessage) => Answer {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const json = (body: object): Answer => ({ status: 200, type: 'application/json', body: JSON.stringify(body) });
  const text = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const idToken = (email: string): string => {
    const now = Math.floor(Date.now() / 1000);
    const times = { iat: now, exp: now + LIFETIME_SECONDS };
    const claims = {
      iss: issuer,
      aud: TOY_AUDIENCE,
      sub: email,
      email,
      email_verified: true,
      jti: randomUUID(),
      ...times,
    };
    const input = `${text({ alg: 'ES256', typ: 'JWT', kid: KEY_ID })}.${text(claims)}`;
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return `${input}.${signature.toString('base64url')}`;
  };
  return ({ method, url = '' }) => {
    // "//" is a request target, and no URL.
    if (method !== 'GET' || !URL.canParse(url, issuer)) return NOT_FOUND;
    const { pathname, searchParams } = new URL(url, issuer);
    switch (pathname) {
      case '/.well-known/openid-configuration':
        return json({ issuer, jwks_uri: `${issuer}/jwks`, id_token_signing_alg_values_supported: ['ES256'] });
      case '/jwks':
        return json({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'ES256', use: 'sig' }] });
      case '/token': {
        const email = parseEmail(searchParams.get('email'));
        if (email === undefined) return { status: 400, type: 'text/plain', body: 'email must be an e-mail address\n' };
        return { status: 200, type: 'text/plain', body: idToken(email.canonical) };
      }
      default:
        return NOT_FOUND;
    }
  };
}
