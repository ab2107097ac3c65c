import { type RunningEdge, startEdge } from '../../support/edge.ts';

const edges: RunningEdge[] = [];
async function edgeWith(env: Record<string, string> = {}): Promise<RunningEdge> {
  const edge = await startEdge({ env });
  edges.push(edge);
  return edge;
}
afterAll(async () => {
  for (const edge of edges) await edge.close();
});

async function sourceSeenBy(edge: RunningEdge, headers: Record<string, string>): Promise<string> {
  const answer = await fetch(`${edge.url}/probe/source`, { headers });
  return ((await answer.json()) as { source: string }).source;
}

describe('without trusted proxies', () => {
  let edge: RunningEdge;
  beforeAll(async () => {
    edge = await edgeWith();
  });

  it.each(['x-forwarded-for', 'forwarded', 'x-real-ip', 'true-client-ip', 'cf-connecting-ip'])(
    '%s is not believed',
    async (name) => {
      expect(await sourceSeenBy(edge, { [name]: '203.0.113.7' })).toBe('127.0.0.1');
    },
  );

  it('a request id of the caller is not taken over', async () => {
    const answer = await fetch(`${edge.url}/healthz`, { headers: { 'x-request-id': 'chosen-by-me' } });
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('metrics are for loopback', async () => {
    expect((await fetch(`${edge.url}/metrics`)).status).toBe(200);
  });

  it('metrics are not for what a proxy on this machine forwards', async () => {
    for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via', 'x-forwarded-proto', 'x-forwarded-host']) {
      const answer = await fetch(`${edge.url}/metrics`, { headers: { [name]: '127.0.0.1' } });
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ error: 'forbidden', detail: 'This address is for operators.' });
      expect(await edge.lineOf(answer.headers.get('x-request-id'))).toMatchObject({
        reason: 'not an address of operators',
      });
    }
  });
});

describe('with a trusted proxy', () => {
  let edge: RunningEdge;
  beforeAll(async () => {
    edge = await edgeWith({
      TESSERA_TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8',
      TESSERA_METRICS_NETWORKS: '198.51.100.0/24',
    });
  });

  it.each([
    ['the address that it gives', '203.0.113.7', '203.0.113.7'],
    ['the rightmost address that is no proxy', '1.1.1.1, 203.0.113.7, 10.1.2.3', '203.0.113.7'],
    ['nothing that a stranger wrote before', '127.0.0.1, 203.0.113.7', '203.0.113.7'],
    ['the leftmost of proxies alone', '10.9.9.9, 10.1.2.3', '10.9.9.9'],
    ['an address with a port', '203.0.113.7:4711', '203.0.113.7'],
    ['IPv6', '2001:DB8::7', '2001:db8::7'],
    ['IPv6 with a port', '[2001:db8::7]:4711', '2001:db8::7'],
    ['IPv4 in IPv6', '::ffff:203.0.113.7', '203.0.113.7'],
    ['unknown when the proxy writes no address', 'unknown', 'unknown'],
    ['unknown when the proxy listens on a Unix socket', '203.0.113.7, unix:', 'unknown'],
    ['unknown when the proxy names an interface', 'fe80::1%eth0', 'unknown'],
    ['unknown when a hop before a proxy is no address', '203.0.113.7, evil\u00a0, 10.1.2.3', 'unknown'],
    ['the proxy itself when it says nothing', '', '127.0.0.1'],
  ])('the source is %s', async (_name, forwarded, source) => {
    expect(await sourceSeenBy(edge, { 'x-forwarded-for': forwarded })).toBe(source);
  });

  it('the source is unknown when the proxy says it in another header, and whoever it is gets no metrics', async () => {
    expect(await sourceSeenBy(edge, { forwarded: 'for=203.0.113.7' })).toBe('unknown');
    for (const headers of [{ 'x-forwarded-for': 'unknown' }, { forwarded: 'for=203.0.113.7' }]) {
      const answer = await fetch(`${edge.url}/metrics`, { headers });
      expect([answer.status, await answer.json()]).toEqual([403, expect.objectContaining({ error: 'forbidden' })]);
    }
    // Nobody is forwarded for: it is the proxy's machine that asks.
    expect((await fetch(`${edge.url}/metrics`)).status).toBe(200);
  });

  it('a sane request id is taken over, for one trace through both logs', async () => {
    const answer = await fetch(`${edge.url}/healthz`, { headers: { 'x-request-id': 'edge-0a1b2c3d4e' } });
    expect(answer.headers.get('x-request-id')).toBe('edge-0a1b2c3d4e');
  });

  it.each(['short', 'a'.repeat(65), 'with space', 'with"quote00', '%0d%0aset-cookie'])(
    'the request id %j is not',
    async (id) => {
      const answer = await fetch(`${edge.url}/healthz`, { headers: { 'x-request-id': id } });
      expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  it('metrics are for the listed networks behind it', async () => {
    expect((await fetch(`${edge.url}/metrics`, { headers: { 'x-forwarded-for': '198.51.100.9' } })).status).toBe(200);
  });

  it('metrics are not for others behind it', async () => {
    expect((await fetch(`${edge.url}/metrics`, { headers: { 'x-forwarded-for': '203.0.113.7' } })).status).toBe(403);
  });

  it('no forwarded host, scheme or port shows up anywhere', async () => {
    const answer = await fetch(`${edge.url}/docs-json`, {
      headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'gopher', forwarded: 'host=evil.example' },
    });
    expect(await answer.text()).not.toContain('evil.example');
  });
});
