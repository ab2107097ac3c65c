import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KvVault } from '../../../src/vault/kv/kv-vault.ts';
import { keyRingPath } from '../../../src/vault/vault-path.ts';
import { parseTenantId } from '../../../src/domain/ids.ts';
import { byToken, KvVaults } from '../../support/fixtures/kv-vault.ts';
import { refusalOf } from '../../../src/testing/refusal.ts';

const PATH = keyRingPath(parseTenantId('acme')!);
const MOUNT = { data: { type: 'kv', options: { version: '2' } } };

/** A server that sends the responses of a broken Vault, or of a proxy in between, in place of Vault. */
describe('KvVault', () => {
  const vaults = new KvVaults();
  const requests: IncomingMessage[] = [];
  let answer: RequestListener;
  const server = createServer((request, response) => {
    requests.push(request);
    if (request.url === '/v1/sys/internal/ui/mounts/kv') json(200, MOUNT)(request, response);
    else answer(request, response);
  });
  let address: string;
  let vault: KvVault;

  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    requests.length = 0;
    // Only what is never answered may meet a time limit. On a busy machine, anything else takes longer than a short one.
    vault = vaults.connect(address, byToken('marked-token'), { timeoutMs: 60_000 });
  });
  afterEach(async () => {
    await vaults.close();
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it('accepts an entry', async () => {
    answer = json(200, { data: { data: { n: 1 }, metadata: { version: 3 } } });
    expect(await vault.read(PATH)).toEqual({ version: 3, data: { n: 1 } });
    expect(requests.at(-1)).toMatchObject({ method: 'GET', url: '/v1/kv/data/keys/acme' });
    expect(requests.at(-1)!.headers).toMatchObject({ 'x-vault-token': 'marked-token', 'x-vault-namespace': '' });
  });

  it.each([
    ['an entry that is not there', { errors: [] }],
    ['a deleted version', { data: { data: null, metadata: { version: 2, deletion_time: '2026-01-01T00:00:00Z' } } }],
  ])('finds nothing in %s', async (_, body) => {
    answer = json(404, body);
    expect(await vault.read(PATH)).toBeUndefined();
  });

  it.each<[string, string, RequestListener]>([
    ['a 404 page of a proxy', 'the mount or namespace does not exist', page(404)],
    ['a 404 with an error', 'the mount does not exist', json(404, { errors: ['no handler for route'] })],
    ['a 404 without a body', 'the mount or namespace does not exist', text(404, '')],
    ['a 404 that is a list', 'the mount or namespace does not exist', json(404, [])],
    ['a page with 200', 'its answer is not as documented', page(200)],
    ['an empty 200', 'its answer is not as documented', text(200, '')],
    ['a 204', 'its answer is not as documented', text(204, '')],
    ['an entry without metadata', 'its answer is not as documented', json(200, { data: { data: {} } })],
    ['an entry of version 0', 'its answer is not as documented', json(200, entry({}, 0))],
    ['an entry of version "1"', 'its answer is not as documented', json(200, entry({}, '1'))],
    ['an entry that is a list', 'its answer is not as documented', json(200, entry([], 1))],
    ['an entry that is null', 'its answer is not as documented', json(200, entry(null, 1))],
    ['a bad request', 'its answer is not as documented', json(400, { errors: ['marked-answer'] })],
    ['a redirect', 'it redirects to another server', redirect],
    ['a refusal', 'it refuses our token', json(403, { errors: ['permission denied'] })],
    ['a sealed server', 'it is sealed or not ready', json(503, { errors: ['Vault is sealed'] })],
    ['an internal error', 'it failed', json(500, { errors: ['marked-answer'] })],
    ['a rate limit', 'it limits our requests', json(429, { errors: [] })],
    ['an answer of 3 MB', 'the connection broke', text(200, 'x'.repeat(3_000_000))],
    ['an answer that ends in the middle', 'the connection broke', broken],
    ['an answer that never ends', 'no answer in time', drip],
    ['no response', 'no answer in time', () => undefined],
  ])('treats %s as an outage', async (_, reason, given) => {
    answer = given;
    if (reason === 'no answer in time') vault = vaults.connect(address, byToken('marked-token'), { timeoutMs: 1_000 });
    const works = [vault.read(PATH), vault.write(PATH, { secret: 'marked-secret' }, 1)];
    for (const refusal of await Promise.all(works.map(refusalOf)))
      expect(refusal).toMatchObject({ code: 'temporarily_unavailable', reason: `vault: ${reason}` });
    expect(requests.map(({ url }) => url)).not.toContain('/v1/elsewhere');
  });

  it('sends its namespace', async () => {
    answer = json(404, { errors: [] });
    await vaults.connect(address, byToken('marked-token'), { namespace: 'team/a' }).read(PATH);
    expect(new Set(requests.map(({ headers }) => headers['x-vault-namespace']))).toEqual(new Set(['team/a']));
  });
});

function entry(data: unknown, version: unknown): unknown {
  return { data: { data, metadata: { version } } };
}

function text(status: number, body: string): RequestListener {
  return (_, response) => {
    response.writeHead(status).end(body);
  };
}

function page(status: number): RequestListener {
  return text(status, '<html>marked-answer</html>');
}

function json(status: number, body: unknown): RequestListener {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
}

function redirect(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(307, { location: '/v1/elsewhere' }).end();
}

function broken(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-length': 100 });
  response.write('{');
  setTimeout(() => response.destroy(), 20);
}

/** A byte every 100 ms, so that a socket's idle timeout never ends it. */
function drip(_: IncomingMessage, response: ServerResponse): void {
  const timer = setInterval(() => response.write(' '), 100);
  response.on('close', () => {
    clearInterval(timer);
  });
}
