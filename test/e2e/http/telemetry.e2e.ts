import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '../../support/tessera/server-process.ts';

const CANARY = 'c4nary-of-the-caller';

let folder: string;
let collector: Server;
let received: { path: string; authorization: string | undefined; body: string }[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-telemetry-'));
  received = [];
  collector = createServer((request, response) => {
    const chunks: string[] = [];
    request.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ path: request.url ?? '', authorization: request.headers.authorization, body: chunks.join('') });
      response.setHeader('content-type', 'application/json').end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
});
afterEach(async () => {
  collector.closeAllConnections();
  collector.close();
  await rm(folder, { recursive: true });
});

const endpoint = () => `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;

async function exercise(url: string): Promise<string | null> {
  const answer = await fetch(`${url}/auth/user/generateToken?secret=${CANARY}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${CANARY}`,
      traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    },
    body: JSON.stringify({
      client_id: 'web',
      project_id: 'shop',
      tenant_id: 'acme',
      email_id: `${CANARY}@acme.example`,
      secret_id: CANARY,
    }),
  });
  return answer.headers.get('x-request-id');
}

it('sends one span for a request, with the fields of the access line and nothing of the request', async () => {
  const server = await startServer(
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint(),
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer collector',
      OTEL_SERVICE_NAME: 'tessera',
    },
    folder,
  );
  const requestId = await exercise(server.url);
  expect(await server.end()).toBe(0);

  const spans = received.map(({ body }) => body).join('\n');
  expect(received.map(({ path }) => path)).toContain('/v1/traces');
  expect(received[0]?.authorization).toBe('Bearer collector');
  expect(spans).toContain('"POST /auth/user/generateToken"');
  expect(spans).toContain('"stringValue":"client_not_found"');
  expect(spans).toContain('"stringValue":"tessera"');
  expect(spans).toContain(requestId);
  expect(spans).not.toContain(CANARY);
  // A caller's trace context neither names nor samples our traces.
  expect(spans).not.toContain('a'.repeat(32));
  expect(server.output()).not.toContain(CANARY);
});

it('does not delay the service when the collector is down', async () => {
  const server = await startServer({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }, folder);
  expect(await exercise(server.url)).not.toBeNull();
  expect(await server.end()).toBe(0);
  expect(server.output()).not.toMatch(/ECONNREFUSED|Error/);
});

it('sends nothing without an endpoint', async () => {
  const server = await startServer({ OTEL_SERVICE_NAME: 'tessera' }, folder);
  await exercise(server.url);
  expect(await server.end()).toBe(0);
  expect(received).toEqual([]);
});
