import { FAULT_CANARY, type LogLine, type RunningEdge, startEdge } from '../../support/tessera/edge.ts';
import { sendRaw } from '../../support/requests/raw-http.ts';

let edge: RunningEdge;
beforeAll(async () => {
  edge = await startEdge({ env: { PUBLIC_URL: 'https://tokens.example' } });
});
afterAll(() => edge.close());

const post = (path: string) => fetch(`${edge.url}${path}`, { method: 'POST' });
const get = (path: string, headers: Record<string, string> = {}) => fetch(`${edge.url}${path}`, { headers });

describe('a refusal', () => {
  it('has the members of RFC 9457 and a request id that is in the log', async () => {
    const answer = await get('/probe/unauthorized');
    const body = (await answer.json()) as Record<string, unknown>;
    expect(body).toEqual({
      type: 'urn:tessera:error:unauthorized',
      title: 'Unauthorized',
      status: 401,
      detail: 'The caller could not be authenticated or is not entitled to this token.',
      error: 'unauthorized',
      request_id: answer.headers.get('x-request-id'),
    });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="tessera"');
    expect(await edge.lineOf(answer.headers.get('x-request-id'))).toMatchObject({
      route: 'GET /probe/unauthorized',
      reason: 'the secret does not match',
    });
  });

  it.each([
    ['/probe/token-unavailable', 503, 'Failed to generate token', 'temporarily_unavailable'],
    ['/probe/token-broken', 500, 'Failed to generate token', 'server_error'],
  ])('of a token route %s has the documented title', async (path, status, title, error) => {
    const answer = await post(path);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ title, error, status });
  });

  it.each([
    ['/probe/unavailable', 503, 'Service unavailable', 'temporarily_unavailable'],
    ['/probe/broken', 500, 'Internal error', 'server_error'],
  ])('of another route %s does not mention tokens', async (path, status, title, error) => {
    const answer = await get(path);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ title, error, status });
  });

  it.each([
    ['/probe/unavailable', '1'],
    ['/probe/limited', '17'],
  ])('at %s says when to come back', async (path, seconds) => {
    expect((await get(path)).headers.get('retry-after')).toBe(seconds);
  });

  it('shows nothing of a library’s error in the response or the log, except its place in the code', async () => {
    for (const answer of [
      await get('/probe/broken'),
      await post('/probe/token-broken'),
      await get('/probe/unavailable'),
    ]) {
      expect(await answer.text()).not.toContain(FAULT_CANARY);
      const line: LogLine = await edge.lineOf(answer.headers.get('x-request-id'));
      if (line['outcome'] === 'server_error')
        expect(line['fault']).toMatch(/^Error < test\/support\/tessera\/edge\.ts:\d+/);
    }
    expect(JSON.stringify(edge.lines())).not.toContain(FAULT_CANARY);
  });

  it('ignores the status of an error that does not come from the edge', async () => {
    // The route throws an error with status 401 and statusCode 404.
    expect((await get('/probe/broken')).status).toBe(500);
  });
});

describe('requests that Node would answer itself', () => {
  it.each(['/healthz', '/probe/source'])('a request for %s without a host is refused like any other', async (path) => {
    const answer = await sendRaw(edge.port, `GET ${path} HTTP/1.1\r\n\r\n`);
    expect([answer.status, answer.headers['content-type']]).toEqual([400, 'application/problem+json']);
    expect(JSON.parse(answer.body)).toMatchObject({ title: 'Invalid request payload', error: 'invalid_request' });
    expect(await edge.lineOf(answer.headers['x-request-id'] ?? null)).toMatchObject({ reason: 'no Host header' });
  });

  it.each([
    ['two', '/healthz', 'Host: a.example\r\nHost: b.example'],
    ['two that are equal', '/healthz', 'Host: a.example\r\nhost: a.example'],
    ['two, one of them empty', '/healthz', 'Host:\r\nHOST: a.example'],
    ['two at no route', '/nothing', 'Host: a.example\r\nHost: b.example'],
    ['two beside an absolute target', 'http://a.example/healthz', 'Host: a.example\r\nHost: b.example'],
    ['one with a space', '/healthz', 'Host: a.example b.example'],
    ['one with a path', '/healthz', 'Host: a.example/b'],
    ['one with a user', '/healthz', 'Host: user@a.example'],
  ])('a request with %s of the Host header is refused like any other', async (_, target, hosts) => {
    const answer = await sendRaw(edge.port, `GET ${target} HTTP/1.1\r\n${hosts}\r\nX-Padding: 1\r\n\r\n`);
    expect([answer.status, answer.headers['content-type']]).toEqual([400, 'application/problem+json']);
    expect(JSON.parse(answer.body)).toMatchObject({ title: 'Invalid request payload', error: 'invalid_request' });
    const { reason } = await edge.lineOf(answer.headers['x-request-id'] ?? null);
    expect(['several Host headers', 'the Host header names no host']).toContain(reason);
  });

  it.each(['a.example', 'a.example:8443', '127.0.0.1:3000', '[::1]:3000', 'my_service', ''])(
    'the Host header "%s" is accepted',
    async (host) => {
      const request = `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nX-Host: other\r\nConnection: close\r\n\r\n`;
      expect((await sendRaw(edge.port, request)).status).toBe(200);
    },
  );

  it('an absolute target goes to the same route, whatever it and the Host header name', async () => {
    const request = `GET http://other.example/healthz HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`;
    expect((await sendRaw(edge.port, request)).status).toBe(200);
  });

  it('HTTP/1.0 has no host and needs none', async () => {
    expect((await sendRaw(edge.port, 'GET /healthz HTTP/1.0\r\n\r\n')).status).toBe(200);
  });

  it('an unknown expectation is ignored', async () => {
    const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\nConnection: close\r\n\r\n`;
    expect((await sendRaw(edge.port, request('/healthz'))).status).toBe(200);
    const refused = await sendRaw(edge.port, request('/probe/unauthorized'));
    expect([refused.status, refused.headers['content-type']]).toEqual([401, 'application/problem+json']);
  });
});

describe('an answer', () => {
  it('repeats nothing of the request', async () => {
    const canary = 'c4nary-of-the-caller';
    const text = await sendRaw(
      edge.port,
      `GET /${canary}?secret=${canary} HTTP/1.1\r\nHost: ${canary}.example\r\nX-Request-Id: ${canary}\r\nX-Forwarded-Host: ${canary}\r\nAuthorization: Bearer ${canary}\r\nOrigin: https://${canary}\r\nConnection: close\r\n\r\n`,
    );
    expect(text.status).toBe(404);
    expect(text.text).not.toContain(canary);
    await edge.lineOf(text.headers['x-request-id'] ?? null);
    expect(JSON.stringify(edge.lines())).not.toContain(canary);
    const metrics = await (await get('/metrics')).text();
    expect(metrics).not.toContain(canary);
  });

  it('carries the headers that keep browsers from misusing it', async () => {
    const { headers } = await get('/healthz');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get('strict-transport-security')).toBe('max-age=31536000');
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect(headers.get('server')).toBeNull();
    expect(headers.get('x-powered-by')).toBeNull();
  });
});

describe('the log', () => {
  it('has exactly one line for a request, at the level of its outcome', async () => {
    const ids: [string | null, number, string][] = [];
    const note = async (answer: Promise<Response>, level: number, outcome: string) => {
      ids.push([(await answer).headers.get('x-request-id'), level, outcome]);
    };
    await note(post('/probe/token'), 30, 'issued');
    await note(get('/probe/source'), 30, 'ok');
    await note(get('/healthz'), 20, 'ok');
    await note(get('/probe/unauthorized'), 30, 'unauthorized');
    await note(get('/probe/limited'), 40, 'too_many_requests');
    await note(get('/probe/unavailable'), 50, 'temporarily_unavailable');
    for (const [id, level, outcome] of ids) {
      expect(await edge.lineOf(id)).toMatchObject({ event: 'request', level, outcome, source: '127.0.0.1' });
      expect(edge.lines().filter((line) => line['request_id'] === id)).toHaveLength(1);
    }
  });

  it('records that a client left before its response', async () => {
    const controller = new AbortController();
    const answer = fetch(`${edge.url}/probe/slow`, { signal: controller.signal }).catch(() => undefined);
    while (edge.gate.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await answer;
    const left = () => edge.lines().find((line) => line['route'] === 'GET /probe/slow');
    while (left() === undefined) await new Promise((resolve) => setImmediate(resolve));
    expect(left()).toMatchObject({ outcome: 'aborted' });
    expect(left()).not.toHaveProperty('status');
    edge.gate.open();
  });
});

describe('metrics', () => {
  it('count requests by route and outcome', async () => {
    await post('/probe/token');
    await get('/probe/unauthorized');
    await get('/nowhere');
    const text = await (await get('/metrics')).text();
    expect(text).toMatch(/tessera_http_requests_total\{route="POST \/probe\/token",outcome="issued"\} [1-9]/);
    expect(text).toMatch(
      /tessera_http_requests_total\{route="GET \/probe\/unauthorized",outcome="unauthorized"\} [1-9]/,
    );
    expect(text).toMatch(/tessera_http_requests_total\{route="none",outcome="route_not_found"\} [1-9]/);
    expect(text).toMatch(/tessera_mint_duration_seconds_count\{surface="user"\} [1-9]/);
    expect(text).toMatch(/tessera_http_requests_in_flight 1/);
  });
});

describe('readiness', () => {
  it('is 200 while everything answers, and names what does not answer', async () => {
    expect((await get('/readyz')).status).toBe(200);
    let up = false;
    edge.readiness.require({
      name: 'vault',
      check: () => (up ? Promise.resolve() : Promise.reject(new Error(FAULT_CANARY))),
    });
    await new Promise((resolve) => setTimeout(resolve, 600));
    const answer = await get('/readyz');
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    const body = await answer.text();
    expect(JSON.parse(body)).toMatchObject({
      status: 503,
      error: 'temporarily_unavailable',
      title: 'Service unavailable',
      down: ['vault'],
    });
    expect(body).not.toContain(FAULT_CANARY);
    expect((await get('/healthz')).status).toBe(200);
    up = true;
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect((await get('/readyz')).status).toBe(200);
  });
});
