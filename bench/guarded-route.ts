import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../test/support/servers/process.ts';
import { REPOSITORY } from '../test/support/servers/required-servers.ts';
import { CONNECTIONS, type GetLoad, runLoad, untilAnswered } from './harness/load.ts';
import { SERVER_CORE, startPinned } from './harness/pinned-process.ts';
import { type Table, targetMark } from './harness/report.ts';
import { cellsOf, MEASURED, type MeasuredContender, measureInTurns, ratioOf } from './harness/rounds.ts';
import { newSampleKey, newSampleToken, type SampleKey } from './sample/sample-token.ts';

const ROUNDS = 9;
const WARM_UP_SECONDS = 3;
/** Different tokens in turn, as from so many callers. */
const TOKENS = 64;
/** As a share of the requests of the other server: within 8 % of it. */
const TARGET = 0.92;

const BY_HAND = 'Nest route, verified by hand with node:crypto';
const GUARDED = 'Nest route, guard of @tessera/client';

interface Contender extends MeasuredContender {
  readonly load: GetLoad;
}

/** What the guard of @tessera/client adds to a Nest route, compared with a guard written by hand. */
export async function guardedRoute(folder: string, seconds: number): Promise<Table> {
  if (!existsSync(join(REPOSITORY, 'libs/client/dist')))
    throw new Error('libs/client/dist is missing; run: npm run build');
  const key = newSampleKey();
  const keysFile = join(folder, 'keys.json');
  await writeFile(keysFile, JSON.stringify({ keys: [key.publicJwk] }));
  const authorizations = Array.from({ length: TOKENS }, () => `Bearer ${newSampleToken(key)}`);
  const contenders: Contender[] = [];
  try {
    for (const [name, program] of [
      [BY_HAND, 'by-hand-route'],
      [GUARDED, 'guarded-route'],
    ] as const) {
      const { process, url } = await start(join(folder, program), program, keysFile);
      contenders.push({ name, process, load: { method: 'GET', url, authorizations }, results: [] });
    }
    for (const { process, load } of contenders) {
      await untilAnswered(process, load);
      await mustRefuse(load.url, key);
      await runLoad(folder, process, load, WARM_UP_SECONDS);
    }
    await measureInTurns(contenders, ROUNDS, ({ process, load }) => runLoad(folder, process, load, seconds));
    return report(contenders, seconds);
  } finally {
    await Promise.all(contenders.map(({ process }) => process.end()));
  }
}

async function start(folder: string, program: string, keysFile: string) {
  await mkdir(folder);
  const port = await freePort();
  const file = `./bench/servers/${program}.ts`;
  const command = [process.execPath, '--import', './scripts/typescript.mjs', file, String(port), keysFile];
  return {
    url: `http://127.0.0.1:${port}/orders`,
    process: await startPinned(SERVER_CORE, command, {
      cwd: REPOSITORY,
      logFile: join(folder, 'server.log'),
      countsAllocations: true,
    }),
  };
}

/** Makes sure that a server checks tokens: one that checks nothing would win. */
async function mustRefuse(url: string, key: SampleKey): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  const refused: readonly (readonly [what: string, token: string, status: number])[] = [
    ['a forged token', newSampleToken(newSampleKey()), 401],
    ['a token of another issuer', newSampleToken(key, { iss: 'https://other.example/tenants/acme' }), 401],
    ['a token for another service', newSampleToken(key, { aud: 'other-api' }), 401],
    ['an expired token', newSampleToken(key, { iat: now - 7_200, exp: now - 3_600 }), 401],
    ['a token without the scope', newSampleToken(key, { scope: 'orders:write' }), 403],
  ];
  for (const [what, token, status] of refused) {
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    await answer.arrayBuffer();
    if (answer.status !== status) throw new Error(`${url} answered ${answer.status} to ${what}, not ${status}`);
  }
}

function report(contenders: readonly Contender[], seconds: number): Table {
  return {
    text:
      `A route of Nest on Fastify that requires one scope, protected in both ways with the same key set. ${TOKENS} tokens in turn, and neither side ` +
      `caches one: each request is verified. Revocations are off, because the guard by hand has none. Each server on one core, the load from ` +
      `the other; ${CONNECTIONS} connections, ${ROUNDS} alternating rounds of ${seconds} s, medians.`,
    head: ['route', ...MEASURED, 'to by hand', 'target', 'met'],
    rows: contenders.map(({ name, results }) => {
      const { value, text } = ratioOf(contenders, name, BY_HAND);
      const judged = name === GUARDED ? [`≥ ${TARGET}`, targetMark(value >= TARGET)] : ['', ''];
      return [name, ...cellsOf(results), text, ...judged];
    }),
  };
}
