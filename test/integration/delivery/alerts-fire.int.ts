import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';
import { sendJson, type HostileProvider } from '../../../src/testing/hostile-provider.ts';
import { readPage } from '../../support/fixtures/markdown.ts';
import { basic } from '../../support/requests/basic-credentials.ts';
import { GRANTS, oauthRefusal, TokenEndpointUser } from '../../support/requests/token-endpoint.ts';
import { type RunningPrometheus, startPrometheus } from '../../support/servers/prometheus.ts';
import { type ExchangeService, startExchangeService } from '../../support/tessera/exchange-service.ts';

/** Above the half second of TesseraSlow, and well below the time after which an issuer is given up. */
const SLOW_ISSUER_MS = 700;

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly name: string; readonly state?: string }[];
  }[];
}

let folder: string;
let service: ExchangeService;
let acme: TokenEndpointUser;
let prometheus: RunningPrometheus;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-alerts-'));
  // Without `for`, an alert fires at once. The times are tested in alerts.test.yaml.
  const rules = join(folder, 'alerts.yaml');
  await writeFile(rules, replaceOnce(readPage('deploy/monitoring/alerts.yaml'), /^ +for: \w+\n/gm, ''));
  service = await startExchangeService({ providers: 2 });
  acme = new TokenEndpointUser(service.tessera);
  prometheus = await startPrometheus(`127.0.0.1:${service.tessera.config.port}`, rules);
  await eventually(
    'an evaluation of the rules in which no alert fires',
    async () => (await prometheus.query('tessera_build_info')).length > 0 && (await firing()).length === 0,
  );
});
afterAll(async () => {
  await prometheus.close();
  await service.close();
  await rm(folder, { recursive: true });
});

const jwtBearer = (of: HostileProvider) =>
  acme.request('shop/web', { grant_type: GRANTS.jwtBearer, assertion: service.subjectToken({}, of) });

async function firing(): Promise<readonly string[]> {
  const { groups } = (await prometheus.api('rules')) as Rules;
  return groups.flatMap(({ rules }) => rules.flatMap(({ name, state }) => (state === 'firing' ? [name] : [])));
}

async function untilFiring(alert: string, ask: () => Promise<unknown>): Promise<void> {
  expect(await firing()).not.toContain(alert);
  await eventually(alert, async () => {
    await ask();
    return (await firing()).includes(alert);
  });
}

describe('for requests of the token endpoint alone,', () => {
  it('TesseraSlow fires while tokens wait for a slow identity provider', async () => {
    const slow = service.next();
    slow.onKeys = (_request, response) => {
      void delay(SLOW_ISSUER_MS).then(() => {
        sendJson(response, { keys: slow.keys });
      });
    };
    // A rate needs the series before the event that counts.
    expect((await jwtBearer(service.provider)).status).toBe(200);
    await eventually(
      'a scrape of the first token',
      async () => (await prometheus.query('tessera_mint_duration_seconds_count')).length > 0,
    );
    let isIssued = false;
    await untilFiring('TesseraSlow', async () => {
      // Only the first waits: then the keys are in memory.
      if (!isIssued) isIssued = (await jwtBearer(slow)).status === 200;
    });
    expect(isIssued).toBe(true);
  });

  it('TesseraUnavailableWhileReady fires while the identity provider of a tenant is down', async () => {
    const down = service.next();
    await down.stop();
    await untilFiring('TesseraUnavailableWhileReady', async () => {
      expect(oauthRefusal(await jwtBearer(down))).toBe('503 temporarily_unavailable');
      expect((await service.tessera.get('/readyz')).status).toBe(200);
    });
  });

  it('TesseraManyUnauthorized fires while somebody guesses a secret', async () => {
    await untilFiring('TesseraManyUnauthorized', async () => {
      const guess = await service.tessera.postForm(
        '/tenants/acme/token',
        { grant_type: GRANTS.clientCredentials },
        basic('shop/web', 'a guess'),
      );
      expect(oauthRefusal(guess)).toBe('401 invalid_client');
    });
  });
});
