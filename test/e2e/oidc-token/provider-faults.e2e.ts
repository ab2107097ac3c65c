import type { Answer } from '../../support/requests/answer.ts';
import {
  type ExchangeService,
  startExchangeService,
  tenantsWithTrusts,
  trustOf,
} from '../../support/tessera/exchange-service.ts';
import { providerKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import { type HostileProvider, sendJson, startHostileProvider } from '../../../src/testing/hostile-provider.ts';
import { startTcpProxy, type TcpProxy } from '../../support/servers/tcp-proxy.ts';
import { TestInstallation } from '../cli/installation.ts';
import { startStopwatch } from '../../../libs/token/test/stopwatch.ts';

/** Failures of the identity provider, and a list of allowed hosts that has changed since a trusted issuer was saved. */
interface Route {
  readonly issuer: string;
  readonly hostPort: string;
  readonly provider: HostileProvider;
  /** A proxy between the service and the provider. */
  readonly proxy: TcpProxy;
}

interface Fault {
  readonly begin: (route: Route) => void | Promise<void>;
  readonly end: (route: Route) => void | Promise<void>;
  readonly reason: string;
}

const FAULTS: readonly [string, Fault][] = [
  [
    'stopped',
    {
      begin: ({ provider }) => provider.stop(),
      end: ({ provider }) => provider.start(),
      reason: 'discovery: no usable answer',
    },
  ],
  [
    'killed during a request for discovery',
    {
      begin: ({ provider }) => {
        provider.onDiscovery = () => void provider.stop();
      },
      end: restart,
      reason: 'discovery: no usable answer',
    },
  ],
  [
    'killed during a request for its keys',
    {
      begin: ({ provider }) => {
        provider.onKeys = () => void provider.stop();
      },
      end: restart,
      reason: 'keys: no usable answer',
    },
  ],
  [
    'behind a network that loses its responses',
    {
      begin: ({ proxy }) => {
        proxy.setMode('lose-answers');
      },
      end: heal,
      reason: 'discovery: no usable answer',
    },
  ],
  [
    'behind a network that drops all packets',
    {
      begin: ({ proxy }) => {
        proxy.setMode('black-hole');
      },
      end: heal,
      reason: 'discovery: no answer in time',
    },
  ],
  [
    'slower than the deadline',
    {
      begin: ({ proxy }) => {
        proxy.setMode({ delayMs: 1_200 });
      },
      end: heal,
      reason: 'discovery: no answer in time',
    },
  ],
];

let service: ExchangeService;
let routes: Route[];
let trusts: string;
const unused: Route[] = [];
beforeAll(async () => {
  routes = await Promise.all(Array.from({ length: 2 * FAULTS.length }, startRoute));
  unused.push(...routes);
  service = await startExchangeService({ allowedHosts: routes.map(({ hostPort }) => hostPort) });
  for (const { provider } of routes) provider.keys = [service.key.jwk];
  trusts =
    trustOf('corp', service.provider.issuer) +
    routes.map(({ issuer }, index) => trustOf(`route-${index}`, issuer)).join('');
  await service.tessera.apply(tenantsWithTrusts(trusts));
});
afterAll(async () => {
  await service.close();
  await Promise.all(routes.map(({ proxy }) => proxy.close()));
  await Promise.all(routes.map(({ provider }) => provider.close()));
});

async function startRoute(): Promise<Route> {
  const provider = await startHostileProvider();
  const proxy = await startTcpProxy(provider.port);
  const hostPort = `127.0.0.1:${proxy.port}`;
  const route = { issuer: `http://${hostPort}`, hostPort, provider, proxy };
  serve(route);
  return route;
}

function serve({ issuer, provider }: Route): void {
  provider.onDiscovery = (_request, response) => {
    sendJson(response, { issuer, jwks_uri: `${issuer}/keys` });
  };
  provider.onKeys = (_request, response) => {
    sendJson(response, { keys: provider.keys });
  };
}

async function restart(route: Route): Promise<void> {
  serve(route);
  await route.provider.start();
}

function heal({ proxy }: Route): void {
  proxy.setMode('pass');
}

function exchangeOf(issuer: string, key = service.key): Promise<Answer> {
  return service.exchange({ oidcToken: writeSubjectToken({ key, claims: service.claims({ iss: issuer }) }) });
}

async function timed<T>(work: Promise<T>): Promise<T> {
  const stopwatch = startStopwatch();
  const result = await work;
  expect(stopwatch.stop()).toBeLessThan(3_000);
  return result;
}

/** A 503 with Retry-After. Only the record has the reason. */
function expectUnavailable(answer: Answer, hostPort: string, reason: string): void {
  expect(answer.refusal()).toEqual({
    status: 503,
    error: 'temporarily_unavailable',
    title: 'Failed to generate token',
  });
  expect(['1', '2', '3', '4']).toContain(answer.headers.get('retry-after'));
  expect(answer.text).not.toContain(hostPort);
  expect(answer.text).not.toContain('identity provider');
  expect(service.tessera.auditRow(answer.requestId)).toMatchObject({
    outcome: 'temporarily_unavailable',
    reason: `identity provider: ${reason}`,
    token_id: null,
  });
}

/** Within 5 s, without a restart. */
async function expectRecovery(ask: () => Promise<Answer>): Promise<void> {
  const stopwatch = startStopwatch();
  for (let second = 1; second <= 5; second++) {
    service.tessera.clock.advanceSeconds(1);
    const { status } = await ask();
    if (status === 200) {
      expect(stopwatch.stop()).toBeLessThan(5_000);
      return;
    }
    expect(status).toBe(503);
  }
  throw new Error('not again within 5 s');
}

describe('an identity provider that is', () => {
  it.each(FAULTS)('%s, and was never reached: 503 for its tokens only, until it is back', async (_name, fault) => {
    const route = unused.shift()!;
    await fault.begin(route);
    // Many requests at once, and with them tokens of another issuer and the other endpoint.
    const [others, bearer, ...answers] = await timed(
      Promise.all([
        service.exchange(),
        service.bearer(),
        ...Array.from({ length: 5 }, () => exchangeOf(route.issuer)),
      ] as const),
    );
    expect([others.status, typeof bearer]).toEqual([200, 'string']);
    for (const answer of answers) expectUnavailable(answer, route.hostPort, fault.reason);
    // A long outage must not delay the recovery.
    for (let attempt = 0; attempt < 3; attempt++) {
      service.tessera.clock.advanceSeconds(60);
      expect((await timed(exchangeOf(route.issuer))).status).toBe(503);
    }
    await fault.end(route);
    await expectRecovery(() => exchangeOf(route.issuer));
  });

  it.each(FAULTS)(
    '%s, and was reached before: its keys stay in use, and its next key is fetched later',
    async (_name, fault) => {
      const route = unused.shift()!;
      expect((await exchangeOf(route.issuer)).status).toBe(200);
      await fault.begin(route);
      for (const seconds of [301, 400, 600]) {
        service.tessera.clock.advanceSeconds(seconds);
        expect((await timed(exchangeOf(route.issuer))).status).toBe(200);
      }
      await fault.end(route);
      const rotated = providerKey('k2');
      route.provider.keys = [rotated.jwk];
      await expectRecovery(() => exchangeOf(route.issuer, rotated));
    },
  );
});

describe('a trusted issuer whose host was allowed when it was saved', () => {
  it.each([
    ['for its issuer', (uri: string) => trustOf('stranger', uri), 'discovery: its URL may not be fetched'],
    [
      'for its keys',
      (uri: string) => trustOf('stranger', 'https://idp.example.com', { jwks_uri: JSON.stringify(`${uri}/keys`) }),
      'keys: its URL may not be fetched',
    ],
  ])('%s is a 503 of a server that does not list it, and no connection', async (_name, trust, reason) => {
    const { tessera, provider, key } = service;
    const stranger = await startHostileProvider();
    stranger.keys = [key.jwk];
    const listed = [provider, stranger, ...routes].map(({ hostPort }) => hostPort);
    const lax = await TestInstallation.make({
      PUBLIC_URL: tessera.url,
      TESSERA_DATA_DIR: tessera.config.dataDirectory,
      TESSERA_FEDERATION_ALLOWED_HOSTS: listed.join(','),
    });
    const text = trust(stranger.issuer);
    expect(await lax.apply(tenantsWithTrusts(trusts + text))).toMatchObject({ code: 0 });
    await tessera.caughtUp();
    const issuer = text.includes('idp.example.com') ? 'https://idp.example.com' : stranger.issuer;
    for (let attempt = 0; attempt < 3; attempt++) {
      expectUnavailable(await timed(exchangeOf(issuer)), stranger.hostPort, reason);
      tessera.clock.advanceSeconds(60);
    }
    expect(stranger.connections()).toBe(0);
    expect((await service.exchange()).status).toBe(200);
    await lax.remove();
    await stranger.close();
  });
});
