import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TokenClock } from '../../src/tokens/token-clock.ts';
import { TokenRequestError } from '../../src/tokens/token-request-error.ts';

/** A clock that the test moves. Waits are recorded and take no time. */
export class TestClock implements TokenClock {
  #now = 1_800_000_000_000;
  readonly waits: number[] = [];

  nowMs(): number {
    return this.#now;
  }

  monotonicMs(): number {
    return this.#now;
  }

  sleep(ms: number): Promise<void> {
    this.waits.push(ms);
    return Promise.resolve();
  }

  advanceSeconds(seconds: number): void {
    this.#now += seconds * 1_000;
  }
}

export interface Received {
  readonly url: string;
  readonly contentType: string | undefined;
  readonly authorization: string | undefined;
  /** The members of a JSON object, or the parameters of a form. */
  readonly body: Record<string, unknown>;
}

export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A real server on 127.0.0.1 that issues tokens, records the requests, and answers otherwise where the test says so. */
export class TokenServer {
  readonly received: Received[] = [];
  /** The next responses. After them, tokens are issued: `t-1`, `t-2` and so on. */
  readonly answers: Answer[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const contentType = request.headers['content-type'];
        const { authorization } = request.headers;
        const body = bodyOf(Buffer.concat(chunks).toString(), contentType);
        this.received.push({ url: request.url ?? '', contentType, authorization, body });
        const answer = this.answers.shift() ?? give(issued(`t-${this.received.length}`));
        answer(response, request);
      });
    });
  }

  static async start(): Promise<TokenServer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TokenServer(server);
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

/** The body of a response with a token. */
export function issued(token: string, more: object = {}): object {
  return {
    access_token: token,
    expires_in: 600,
    token_type: 'Bearer',
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    ...more,
  };
}

export function give(body: unknown, status = 200, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };
}

/** The error of a request that failed. Fails if it did not, or if the error shows one of the secrets. */
export async function refusal(result: Promise<unknown>, ...secrets: readonly string[]): Promise<TokenRequestError> {
  try {
    await result;
  } catch (error) {
    expect(error).toBeInstanceOf(TokenRequestError);
    const text = `${String(error)} ${JSON.stringify(error)} ${(error as Error).stack ?? ''}`;
    for (const secret of ['s3cret', ...secrets]) expect(text).not.toContain(secret);
    expect((error as Error).cause).toBeUndefined();
    return error as TokenRequestError;
  }
  throw new Error('returned a token');
}

function bodyOf(text: string, contentType: string | undefined): Record<string, unknown> {
  if (contentType === 'application/json') return JSON.parse(text) as Record<string, unknown>;
  const form = new URLSearchParams(text);
  const names = [...form.keys()];
  expect(new Set(names).size).toBe(names.length);
  return Object.fromEntries(form);
}
