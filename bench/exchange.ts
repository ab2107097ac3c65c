import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonWebKey } from 'node:crypto';
import { providerKey, type ProviderSigningKey, writeSubjectToken } from '../src/testing/provider-tokens.ts';
import { startHostileProvider } from '../src/testing/hostile-provider.ts';
import { freePort } from '../test/support/servers/process.ts';
import { startBaseline } from './harness/baseline.ts';
import { CONNECTIONS, type PostLoad, type LoadResult, runLoad, untilAnswered } from './harness/load.ts';
import { type Section, targetMark } from './harness/report.ts';
import { cellsOf, MEASURED, type MeasuredContender, measureInTurns, ratioOf } from './harness/rounds.ts';
import { SAMPLE } from './sample/sample-request.ts';
import { Tessera } from './harness/tessera.ts';
import { tenantsFile } from './sample/tenants-file.ts';

const ROUNDS = 5;
const WARM_UP_SECONDS = 3;
const TARGET = 0.5;
const OIDC_TOKEN = '/auth/user/oidcToken';
/** Each request needs its own token, because a token can be redeemed once. No server here redeems more in a second. */
const MOST_PER_SECOND = 6_000;
/** Also for the first round: the load sends requests ahead on each connection. */
const MARGIN = 2 * CONNECTIONS;

interface Contender extends MeasuredContender {
  readonly load: PostLoad;
  sent: number;
}

const BARE = 'bare Fastify, two ES256 verified, one row in SQLite, one ES256 made';
const SUBJECT = 'Tessera, user oidcToken, keys warm, embedded';

/** An exchange with the issuer's keys in memory, compared with the minimum that an exchange must do. */
export async function exchange(folder: string, seconds: number): Promise<Section> {
  const provider = await startHostileProvider();
  const key = providerKey('bench');
  provider.keys = [key.jwk];
  const contenders: Contender[] = [];
  try {
    const bodies = tokensOf(provider.issuer, key, (WARM_UP_SECONDS + ROUNDS * seconds) * MOST_PER_SECOND);
    const tessera = await startTessera(join(folder, 'tessera'), provider.issuer, provider.hostPort);
    contenders.push({
      name: SUBJECT,
      process: tessera.process,
      load: { ...tessera.load, bodies },
      results: [],
      sent: 0,
    });
    const bare = await startBare(join(folder, 'bare'), [tessera.publicJwk, key.jwk]);
    const load = { ...tessera.load, url: bare.url, bodies };
    contenders.unshift({ name: BARE, process: bare.process, load, results: [], sent: 0 });
    for (const contender of contenders) {
      await untilAnswered(contender.process, contender.load);
      contender.sent = MARGIN;
      await run(folder, contender, WARM_UP_SECONDS);
    }
    await measureInTurns(contenders, ROUNDS, (contender) => run(folder, contender, seconds));
    return report(contenders, seconds);
  } finally {
    await Promise.all(contenders.map(({ process }) => process.end()));
    await provider.close();
  }
}

async function run(folder: string, contender: Contender, seconds: number): Promise<LoadResult> {
  const { process, load } = contender;
  const bodies = load.bodies.slice(contender.sent, contender.sent + seconds * MOST_PER_SECOND);
  const result = await runLoad(folder, process, { ...load, bodies }, seconds);
  if (result.requests + MARGIN > bodies.length) throw new Error('too few tokens: some were sent twice');
  contender.sent += result.requests + MARGIN;
  return result;
}

function tokensOf(issuer: string, key: ProviderSigningKey, count: number): string[] {
  const iat = Math.floor(Date.now() / 1000);
  return Array.from({ length: count }, (_, index) => {
    const claims = {
      iss: issuer,
      sub: '248289761001',
      aud: 'tessera-acme',
      iat,
      exp: iat + 3_600,
      jti: `bench-${index}`,
      email: SAMPLE.email,
      email_verified: true,
      hd: 'acme.example',
    };
    return JSON.stringify({ oidc_token: writeSubjectToken({ key, claims }) });
  });
}

async function startTessera(folder: string, issuer: string, hostPort: string) {
  const tessera = await Tessera.in(folder, { TESSERA_FEDERATION_ALLOWED_HOSTS: hostPort });
  const trust = {
    id: 'corp',
    issuer,
    audiences: ['tessera-acme'],
    algorithms: ['ES256'],
    conditions: { hd: 'acme.example' },
    subject: { match: 'email', domains: ['acme.example'] },
    clients: [SAMPLE.client],
    surfaces: ['user'],
    max_age: '1h',
  };
  const users = [{ id: SAMPLE.userId, email: SAMPLE.email }];
  await tessera.apply(tenantsFile([{ id: SAMPLE.tenant, database: { driver: 'sqlite' }, users, issuers: [trust] }]));
  const process = await tessera.start();
  const asking = tessera.load([tessera.body(SAMPLE.tenant, SAMPLE.email)]);
  await untilAnswered(process, asking);
  const answer = await fetch(asking.url, {
    method: 'POST',
    headers: { 'content-type': asking.contentType },
    body: asking.bodies[0]!,
  });
  const { access_token } = (await answer.json()) as { access_token: string };
  const published = await fetch(new URL(`/tenants/${SAMPLE.tenant}/jwks.json`, asking.url));
  const { keys } = (await published.json()) as { keys: [JsonWebKey] };
  return {
    process,
    publicJwk: keys[0],
    load: { ...tessera.load([], OIDC_TOKEN), authorization: `Bearer ${access_token}` },
  };
}

async function startBare(folder: string, publicJwks: readonly [JsonWebKey, JsonWebKey]) {
  await mkdir(folder);
  const port = await freePort();
  const keys = join(folder, 'keys.json');
  writeFileSync(keys, JSON.stringify(publicJwks));
  const args = [String(port), join(folder, 'spent.sqlite'), keys];
  return {
    url: `http://127.0.0.1:${port}${OIDC_TOKEN}`,
    process: await startBaseline(folder, 'bare-exchange.ts', args),
  };
}

function report(contenders: readonly Contender[], seconds: number): Section {
  return {
    title: 'Exchange',
    text:
      `Every request has another subject token; the issuer's keys are in memory. Each server on one core, the load from the other; ` +
      `${CONNECTIONS} connections, ${ROUNDS} alternating rounds of ${seconds} s, medians. Audit and access log of Tessera are on.`,
    tables: [
      {
        head: ['contender', ...MEASURED, 'MiB', 'to bare', 'target', 'met'],
        rows: contenders.map(({ name, process, results }) => {
          const { value, text } = ratioOf(contenders, name, BARE);
          const judged = name === SUBJECT ? [`≥ ${TARGET}`, targetMark(value >= TARGET)] : ['', ''];
          return [name, ...cellsOf(results), String(process.residentMiB()), text, ...judged];
        }),
      },
    ],
  };
}
