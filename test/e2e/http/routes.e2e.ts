import { Controller, Get, Post, UseGuards } from '@nestjs/common';
import { loadConfig } from '../../../src/config/load-config.ts';
import { createEdgeApp } from '../../../src/http/edge-app.ts';
import { ROUTE_TABLE } from '../../../src/http/routes/route-table.ts';
import { Log } from '../../../src/logging/log.ts';
import { SystemClock } from '../../../src/domain/clock.ts';
import {
  EDGE_ROUTES,
  type EdgeUnderTest,
  PROBE_ROUTES,
  type RunningEdge,
  startEdge,
  UserSecondGuard,
} from '../../support/tessera/edge.ts';
import { sendRaw } from '../../support/requests/raw-http.ts';

describe('the route table', () => {
  it('stops the start for a route without a row', async () => {
    await expect(startEdge({ routes: EDGE_ROUTES })).rejects.toThrow('has no row: decide who may use it');
  });

  it('stops the start for a row without a route', async () => {
    const ghost = { method: 'GET', path: '/ghost', access: 'public', kind: 'api' } as const;
    await expect(startEdge({ routes: [...allRows(), ghost] })).rejects.toThrow('no route for GET /ghost');
  });

  it.each(['/docs', '/docs-json', '/docs/*', '/docs/swagger-ui-init.js'])(
    'stops the start when the library route %s has no row',
    async (path) => {
      await expect(startEdge({ routes: allRows().filter((row) => row.path !== path) })).rejects.toThrow(
        `${path} has no row`,
      );
    },
  );

  it('stops the start for two rows of one route', async () => {
    await expect(startEdge({ routes: [...allRows(), ...EDGE_ROUTES.slice(0, 1)] })).rejects.toThrow('has two rows');
  });

  it('has no row that opens a page of a method that changes something', () => {
    expect(ROUTE_TABLE.filter((row) => row.kind === 'page' && row.method !== 'GET')).toEqual([]);
  });
});

const PLANTED = { method: 'GET', path: '/planted/who', access: 'bearer-user', kind: 'api' } as const;

@Controller('planted')
class UnguardedController {
  @Get('who')
  who() {
    return {};
  }

  @UseGuards(UserSecondGuard)
  @Get('other')
  other() {
    return {};
  }

  @UseGuards(UserSecondGuard)
  @Post('who')
  change() {
    return {};
  }
}

@UseGuards(UserSecondGuard)
@Controller('planted')
class GuardedController {
  @Get('who')
  who() {
    return {};
  }
}

describe('a bearer row', () => {
  const others = [
    { ...PLANTED, path: '/planted/other' },
    { ...PLANTED, method: 'POST' },
  ] as const;

  it('stops the start when its handler has no guard that verifies the bearer a second time', async () => {
    await expect(
      startAndStop({ routes: [...allRows(), PLANTED, ...others], controllers: [UnguardedController] }),
    ).rejects.toThrow('GET /planted/who has the access bearer-user, but its handler has no guard of that access');
  });

  it.each(['bearer-admin', 'bearer-asked'] as const)(
    'stops the start when its handler has the guard of another access than %s',
    async (access) => {
      await expect(
        startAndStop({ routes: [...allRows(), { ...PLANTED, access }], controllers: [GuardedController] }),
      ).rejects.toThrow(`GET /planted/who has the access ${access}, but its handler has no guard of that access`);
    },
  );

  it('is served when its controller has the guard of its access', async () => {
    const edge = await startEdge({ routes: [...allRows(), PLANTED], controllers: [GuardedController] });
    const answer = await fetch(`${edge.url}/planted/who`, { headers: { authorization: 'Bearer good-user' } });
    expect(answer.status).toBe(200);
    await edge.close();
  });
});

describe('methods', () => {
  let edge: RunningEdge;
  beforeAll(async () => {
    edge = await startEdge();
  });
  afterAll(() => edge.close());

  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'QUERY'])(
    '%s on a POST route is a 405 that lists the allowed methods',
    async (method) => {
      const answer = await fetch(`${edge.url}/probe/token`, { method });
      expect(answer.status).toBe(405);
      expect(answer.headers.get('allow')).toBe('POST, OPTIONS');
      expect(await answer.json()).toMatchObject({
        error: 'method_not_allowed',
        status: 405,
        detail: 'This address does not answer to that method. It answers to POST, OPTIONS.',
      });
      expect(await edge.lineOf(answer.headers.get('x-request-id'))).toMatchObject({ outcome: 'method_not_allowed' });
    },
  );

  it.each(['POST', 'PUT', 'DELETE'])('%s on a GET route with a parameter is 405', async (method) => {
    const answer = await fetch(`${edge.url}/probe/items/1`, { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });

  it('an overriding header or parameter does not change the method', async () => {
    const answer = await fetch(`${edge.url}/probe/token?_method=POST`, {
      headers: { 'x-http-method-override': 'POST' },
    });
    expect(answer.status).toBe(405);
  });

  it('HEAD answers like GET without a body', async () => {
    const answer = await fetch(`${edge.url}/healthz`, { method: 'HEAD' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe('15');
    expect(await answer.text()).toBe('');
  });

  it('HEAD passes the same guard as GET', async () => {
    expect((await fetch(`${edge.url}/probe/who`, { method: 'HEAD' })).status).toBe(401);
  });

  it('OPTIONS lists the allowed methods and permits no other origin', async () => {
    const answer = await fetch(`${edge.url}/probe/token`, {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('allow')).toBe('POST, OPTIONS');
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it.each([
    '/nothing',
    '/healthz/',
    '/HEALTHZ',
    '//healthz',
    '/probe/items/',
    `/probe/items/${'a'.repeat(101)}`,
    '/docs/LICENSE',
    '/docs/nothing.js',
  ])('there is nothing at %s', async (path) => {
    const answer = await fetch(`${edge.url}${path}`);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: 'route_not_found', title: 'Not found' });
    expect(await edge.lineOf(answer.headers.get('x-request-id'))).toMatchObject({ outcome: 'route_not_found' });
  });

  it.each([
    ['GET', '/%6detrics'],
    ['GET', '/%6Detrics'],
    ['GET', '/metric%73?x=%73'],
    ['GET', '/%68ealthz'],
    ['HEAD', '/%68ealthz'],
    ['GET', '/healthz#x'],
    ['GET', 'http://x.example/%6detrics'],
    ['POST', '/probe/%74oken'],
    ['OPTIONS', '/probe/%74oken'],
    ['GET', '/probe/items/%31'],
    ['POST', '/probe/items/%31'],
    ['GET', '/probe/items/a%2fb'],
    ['GET', '/probe/items/%2e%2e'],
    ['GET', '/docs/swagger%2dui.css'],
    ['GET', '/docs%2djson'],
  ])('there is nothing at %s %s, whose path is not written as it is documented', async (method, target) => {
    const request = `${method} ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
    const answer = await sendRaw(edge.port, request);
    expect([answer.status, answer.headers['content-type']]).toEqual([404, 'application/problem+json']);
    expect(await edge.lineOf(answer.headers['x-request-id'] ?? null)).toMatchObject({
      route: 'none',
      outcome: 'route_not_found',
    });
  });

  it('accepts percent-encoding in a query, which is not part of the path', async () => {
    expect((await fetch(`${edge.url}/healthz?%68ealthz=%6d#x`)).status).toBe(200);
  });

  it('a broken body does not change the answer of an unknown address', async () => {
    const answer = await fetch(`${edge.url}/nothing`, {
      method: 'POST',
      body: '{',
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.status).toBe(404);
  });
});

describe('the API documentation', () => {
  const targets = [
    '/docs',
    '/docs/',
    '/docs/index.html',
    '/docs/swagger-ui.css',
    '/docs/swagger-ui-init.js',
    '/docs-json',
  ];

  it.each([
    ['is there by default', {}, 200],
    ['is an unknown address with TESSERA_API_DOCS=off', { TESSERA_API_DOCS: 'off' }, 404],
  ])('%s', async (_, env, status) => {
    const edge = await startEdge({ env });
    try {
      const unknown = (await (await fetch(`${edge.url}/nothing`)).json()) as Record<string, unknown>;
      for (const target of targets) {
        const answer = await fetch(`${edge.url}${target}`);
        expect([target, answer.status]).toEqual([target, status]);
        // Read the body in every case: the edge does not close while a response is unread.
        const body = await answer.text();
        if (status === 404) {
          expect(JSON.parse(body)).toEqual({ ...unknown, request_id: answer.headers.get('x-request-id') });
          expect((await fetch(`${edge.url}${target}`, { method: 'POST' })).status).toBe(404);
        }
      }
      expect((await fetch(`${edge.url}/healthz`)).status).toBe(200);
    } finally {
      await edge.close();
    }
  });
});

describe('bearer routes', () => {
  let edge: RunningEdge;
  beforeAll(async () => {
    edge = await startEdge();
  });
  afterAll(() => edge.close());

  it('accepts a bearer of the surface', async () => {
    const answer = await fetch(`${edge.url}/probe/who`, { headers: { authorization: 'Bearer good-user' } });
    expect(await answer.json()).toEqual({ subject: 'u-ada' });
  });

  it.each([undefined, 'Bearer good-admin', 'Bearer bad', 'Basic Z29vZC11c2Vy'])('rejects %s', async (authorization) => {
    const answer = await fetch(`${edge.url}/probe/who`, {
      headers: authorization === undefined ? {} : { authorization },
    });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="tessera"');
    expect(await answer.json()).toMatchObject({ error: 'unauthorized', title: 'Unauthorized' });
    expect(await edge.lineOf(answer.headers.get('x-request-id'))).toMatchObject({ reason: 'the bearer is not good' });
  });

  it('stops the start without a verifier for bearers', async () => {
    const row = { method: 'GET', path: '/healthz', access: 'bearer-admin', kind: 'probe' } as const;
    const start = createEdgeApp({
      config: loadConfig({}, { cwd: '/nonexistent' }),
      clock: new SystemClock(),
      log: new Log('silent', { write: () => undefined }),
      routes: [row, ...EDGE_ROUTES.filter(({ path }) => path !== '/healthz')],
      imports: [],
    });
    await expect(start).rejects.toThrow('needs a provider of BearerAuthenticator');
  });
});

/** Leaves nothing open when a start succeeds that should have failed. */
async function startAndStop(options: EdgeUnderTest): Promise<void> {
  await (await startEdge(options)).close();
}

function allRows() {
  return [...EDGE_ROUTES, ...PROBE_ROUTES];
}
