import { type RunningEdge, startEdge } from '../../support/tessera/edge.ts';
import { TestClock } from '../../../src/testing/test-clock.ts';

/** One header of each form that only proxies write, of products in use. */
const FORWARDING_HEADERS = [
  ...['x-forwarded-for', 'forwarded', 'x-real-ip', 'via', 'cdn-loop', 'x-forwarded-proto', 'x-forwarded-host'],
  ...['x-forwarded', 'x-forwarded-port', 'x-forwarded-client-cert', 'x-original-forwarded-for', 'client-forwarded'],
  ...['cf-connecting-ip', 'cf-connecting-ipv6', 'cf-ray', 'true-client-ip', 'x-client-ip', 'x-cluster-client-ip'],
  ...['fastly-client-ip', 'fly-client-ip', 'x-remote-ipv4', 'x-remote-ipv6', 'x-remote-address', 'x-appengine-user-ip'],
  ...['x-envoy-external-address', 'x-envoy-attempt-count', 'x-original-host', 'x-original-url', 'x-azure-fdid'],
];
/** Headers that clients, their libraries and tracing send themselves. */
const CLIENT_HEADERS = {
  'user-agent': 'curl/8.5.0',
  accept: '*/*',
  origin: 'https://app.example',
  referer: 'https://app.example/',
  authorization: 'Bearer x',
  'x-request-id': '0123456789abcdef',
  'x-requested-with': 'XMLHttpRequest',
  'x-original': 'x',
  'x-ip-version': '4',
  'x-zip': '1',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  baggage: 'a=b',
};

const edges: RunningEdge[] = [];
async function edgeWith(env: Record<string, string> = {}, clock?: TestClock): Promise<RunningEdge> {
  const edge = await startEdge({ env, ...(clock === undefined ? {} : { clock }) });
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
    '%s is ignored',
    async (name) => {
      expect(await sourceSeenBy(edge, { [name]: '203.0.113.7' })).toBe('127.0.0.1');
    },
  );

  it('a request id of the caller is not used', async () => {
    const answer = await fetch(`${edge.url}/healthz`, { headers: { 'x-request-id': 'chosen-by-me' } });
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('metrics are for loopback', async () => {
    expect((await fetch(`${edge.url}/metrics`)).status).toBe(200);
  });

  it.each(FORWARDING_HEADERS)('metrics are not for what a proxy on this machine forwards with %s', async (name) => {
    for (const spelling of [name, name.toUpperCase()]) {
      const answer = await fetch(`${edge.url}/metrics`, { headers: { [spelling]: '127.0.0.1' } });
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ error: 'forbidden', detail: 'This address is for operators.' });
      expect(await edge.lineOf(answer.headers.get('x-request-id'))).toMatchObject({
        reason: 'not an address of operators',
        source: '127.0.0.1',
      });
    }
  });

  it('metrics are not for what a proxy forwards with an empty header', async () => {
    expect((await fetch(`${edge.url}/metrics`, { headers: { 'x-forwarded-for': '' } })).status).toBe(403);
  });

  it('metrics are for loopback whatever clients send by themselves', async () => {
    expect((await fetch(`${edge.url}/metrics`, { headers: CLIENT_HEADERS })).status).toBe(200);
  });
});

describe('a peer that forwards and is not listed', () => {
  it('is logged once a minute, with its address and the fix', async () => {
    const clock = new TestClock();
    const edge = await edgeWith({}, clock);
    const warnings = () => edge.lines().filter(({ event }) => event === 'unlisted_proxy');
    await fetch(`${edge.url}/healthz`, { headers: CLIENT_HEADERS });
    expect(warnings()).toEqual([]);
    const forward = () => fetch(`${edge.url}/healthz`, { headers: { 'x-real-ip': '203.0.113.77' } });
    for (let count = 0; count < 3; count++) await forward();
    expect(warnings()).toEqual([
      expect.objectContaining({ level: 40, source: '127.0.0.1', fix: 'TESSERA_TRUSTED_PROXIES' }),
    ]);
    clock.advanceSeconds(59);
    await forward();
    expect(warnings()).toHaveLength(1);
    clock.advanceSeconds(1);
    await forward();
    expect(warnings()).toHaveLength(2);
    // The header's address is not logged, because nothing confirms it.
    expect(JSON.stringify(edge.lines())).not.toContain('203.0.113.77');
  });

  it('is not logged when it is listed', async () => {
    const edge = await edgeWith({ TESSERA_TRUSTED_PROXIES: '127.0.0.1' });
    await fetch(`${edge.url}/healthz`, { headers: { 'x-forwarded-for': '203.0.113.7' } });
    expect(edge.lines().filter(({ event }) => event === 'unlisted_proxy')).toEqual([]);
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
    ['the rightmost address that is not a proxy', '1.1.1.1, 203.0.113.7, 10.1.2.3', '203.0.113.7'],
    ['nothing that a client wrote before', '127.0.0.1, 203.0.113.7', '203.0.113.7'],
    ['the leftmost address if all are proxies', '10.9.9.9, 10.1.2.3', '10.9.9.9'],
    ['an address with a port', '203.0.113.7:4711', '203.0.113.7'],
    ['IPv6', '2001:DB8::7', '2001:db8::7'],
    ['IPv6 with a port', '[2001:db8::7]:4711', '2001:db8::7'],
    ['IPv4 in IPv6', '::ffff:203.0.113.7', '203.0.113.7'],
    ['unknown when the proxy writes no address', 'unknown', 'unknown'],
    ['unknown when the proxy listens on a Unix socket', '203.0.113.7, unix:', 'unknown'],
    ['unknown when the proxy names an interface', 'fe80::1%eth0', 'unknown'],
    ['unknown when an entry before a proxy is not an address', '203.0.113.7, evil\u00a0, 10.1.2.3', 'unknown'],
    ['the proxy itself when it says nothing', '', '127.0.0.1'],
  ])('the source is %s', async (_name, forwarded, source) => {
    expect(await sourceSeenBy(edge, { 'x-forwarded-for': forwarded })).toBe(source);
  });

  it('the source is unknown when the proxy says it in another header, and gets no metrics', async () => {
    expect(await sourceSeenBy(edge, { forwarded: 'for=203.0.113.7' })).toBe('unknown');
    for (const headers of [{ 'x-forwarded-for': 'unknown' }, { forwarded: 'for=203.0.113.7' }]) {
      const answer = await fetch(`${edge.url}/metrics`, { headers });
      expect([answer.status, await answer.json()]).toEqual([403, expect.objectContaining({ error: 'forbidden' })]);
    }
  });

  it.each([
    ['no caller', {}],
    ['an empty X-Forwarded-For', { 'x-forwarded-for': '' }],
    ['commas alone', { 'x-forwarded-for': ', ,' }],
    ['an address and nothing behind it', { 'x-forwarded-for': '127.0.0.1, ' }],
    ['something other than an address', { 'x-forwarded-for': 'unknown' }],
    ['an interface of its own', { 'x-forwarded-for': 'fe80::1%lo' }],
    ['an address of IPv6 with a port and no brackets', { 'x-forwarded-for': '::1:443:' }],
    ['an address in quotation marks', { 'x-forwarded-for': '"127.0.0.1"' }],
    ['a name', { 'x-forwarded-for': 'localhost' }],
    // The second proxy received no address either.
    ['another proxy', { 'x-forwarded-for': '10.1.2.3' }],
    ['proxies alone', { 'x-forwarded-for': '10.9.9.9, 10.1.2.3' }],
    ...FORWARDING_HEADERS.filter((name) => name !== 'x-forwarded-for').map((name): [string, Record<string, string>] => [
      `${name} alone`,
      { [name]: '127.0.0.1' },
    ]),
  ])('metrics are refused to forwarded requests when it names %s', async (_what, headers: Record<string, string>) => {
    const answer = await fetch(`${edge.url}/metrics`, { headers });
    expect([answer.status, await answer.json()]).toEqual([403, expect.objectContaining({ error: 'forbidden' })]);
  });

  it('several headers of one name are read as one', async () => {
    const asked = (...hops: string[]) =>
      fetch(`${edge.url}/metrics`, { headers: hops.map((hop): [string, string] => ['x-forwarded-for', hop]) });
    expect((await asked('203.0.113.7', '127.0.0.1, 127.0.0.1')).status).toBe(403);
    expect((await asked('127.0.0.1', '203.0.113.7')).status).toBe(403);
    expect((await asked('203.0.113.7', '198.51.100.9')).status).toBe(200);
  });

  it('metrics are for its own machine when it names that as the caller', async () => {
    expect((await fetch(`${edge.url}/metrics`, { headers: { 'x-forwarded-for': '127.0.0.1' } })).status).toBe(200);
  });

  it('a well-formed request id is used, for one trace through both logs', async () => {
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
