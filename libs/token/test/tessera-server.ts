import { createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { forge, signer } from './forge.ts';

export interface TestKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicJwk: JsonWebKey;
}

export function newEcKey(kid: string): TestKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicJwk = { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' };
  return { kid, privateKey, publicJwk };
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A real server on 127.0.0.1 that answers for tenants as the test says, and records the requests. */
export class TesseraServer {
  readonly requests: string[] = [];
  readonly #handlers = new Map<string, Handler>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => {
      const url = request.url ?? '';
      this.requests.push(url);
      const handler = this.#handlers.get(url.split('?')[0] ?? '');
      if (handler === undefined) response.writeHead(404).end('{}');
      else handler(request, response);
    });
  }

  static async start(): Promise<TesseraServer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TesseraServer(server);
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  on(path: string, handler: Handler): void {
    this.#handlers.set(path, handler);
  }

  /** Publishes keys like a working Tessera. */
  publish(tenantId: string, ...keys: readonly JsonWebKey[]): void {
    this.on(`/tenants/${tenantId}/jwks.json`, json({ keys }));
  }

  /** Replaces the response for the tenant's key set. */
  onKeys(tenantId: string, handler: Handler): void {
    this.on(`/tenants/${tenantId}/jwks.json`, handler);
  }

  keyRequests(tenantId: string): number {
    return this.requests.filter((url) => url === `/tenants/${tenantId}/jwks.json`).length;
  }

  /** A token as this server would issue it. */
  token(tenantId: string, key: TestKey, claims: Readonly<Record<string, unknown>> = {}): string {
    const now = Math.floor(Date.now() / 1_000);
    return forge({
      header: { typ: 'at+jwt', alg: 'ES256', kid: key.kid },
      payload: {
        iss: `${this.baseUrl}/tenants/${tenantId}`,
        sub: 'u-ada',
        aud: 'shop-api',
        client_id: 'web',
        iat: now,
        exp: now + 600,
        jti: randomUUID(),
        scope: '',
        roles: [],
        groups: [],
        resources: [],
        tenant_id: tenantId,
        project_id: 'shop',
        email_id: 'ada@acme.example',
        surface: 'user',
        ...claims,
      },
      sign: signer(key.privateKey),
    });
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    if (this.#server.listening) await once(this.#server, 'close');
  }
}

export function json(body: unknown, status = 200): Handler {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
}
