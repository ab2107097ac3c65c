import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ManyTenants } from '../test/support/tessera/many-tenants.ts';
import { freePort } from '../test/support/servers/process.ts';
import { REPOSITORY } from '../test/support/servers/required-servers.ts';
import { CONNECTIONS, type LoadResult, type PostLoad, runLoad } from './harness/load.ts';
import { type PinnedProcess, SERVER_CORE, startPinned } from './harness/pinned-process.ts';
import { copyFailures } from './harness/server-log.ts';
import { decimals, type Section, targetMark } from './harness/report.ts';
import { cellsOf, failuresOf, inRounds, MEASURED } from './harness/rounds.ts';
import { GENERATE_TOKEN } from './harness/tessera.ts';

const SERVERS = 4;
const BUDGET = 100;
const MAX_MIB = 512;
const ROUNDS = 3;
/** Without it the heap grows to several times its content before it is collected, on a machine with much memory. */
const HEAP_MIB = 400;
const RESULTS = 'test-results';
/** Of the noisy tenant's requests beside the others'. */
const NOISY_CALLERS = 32;
const ASK_AGAIN_MS = 100;
/** Sized for thousands of small databases, which share one tablespace. */
const SERVER_OPTIONS = [
  ...['--innodb-buffer-pool-size=1G', '--innodb-log-file-size=256M', '--max-connections=200'],
  ...['--table-open-cache=4000', '--table-definition-cache=4000', '--open-files-limit=65535'],
];

/** Many tenants, each with its own database and user, on four MariaDB servers, served by one process with a hundred connections. */
export async function tenThousandTenants(folder: string, seconds: number, tenants: number): Promise<Section> {
  const installation = await ManyTenants.start({ tenants, servers: SERVERS, serverOptions: SERVER_OPTIONS });
  try {
    const applySeconds = await timed(() => withProgress(installation, () => installation.provision()));
    const measures = await new Run(folder, installation, await freePort()).measure(seconds);
    console.error(`  served: ${JSON.stringify(measures)}`);
    const oneTenant = ['keys', 'list', installation.ids.at(-1) ?? ''];
    const commands = {
      applySeconds,
      oneTenantSeconds: await timed(() => installation.cli(oneTenant)),
      exportSeconds: await timed(() => installation.cli(['export'])),
      doctorSeconds: await timed(() => installation.cli(['doctor', '--replicas', '1', '-o', 'json'])),
      applyAgainSeconds: await timed(() => installation.provision(true)),
    };
    return report(tenants, seconds, measures, commands);
  } finally {
    await installation.close();
  }
}

interface Measures {
  readonly firstSeconds: number;
  readonly inTurn: readonly LoadResult[];
  readonly besideNoise: readonly LoadResult[];
  readonly rotationSeconds: number;
  readonly afterRotation: readonly LoadResult[];
  readonly restartSeconds: number;
  readonly againSeconds: number;
  readonly residentMiB: number;
  readonly mostConnections: number;
  readonly refusedTokens: number;
  /** Answers of 503 to the first token of a tenant. */
  readonly unavailable: number;
  /** Answers to the noisy tenant other than a token. */
  readonly noiseFailures: number;
}

class Run {
  readonly #folder: string;
  readonly #installation: ManyTenants;
  readonly #port: number;
  readonly #load: PostLoad;
  #unavailable = 0;
  #noiseFailures = 0;

  constructor(folder: string, installation: ManyTenants, port: number) {
    this.#folder = folder;
    this.#installation = installation;
    this.#port = port;
    this.#load = {
      url: `http://127.0.0.1:${port}${GENERATE_TOKEN}`,
      contentType: 'application/json',
      bodies: installation.ids.map((id) => installation.body(id)),
    };
  }

  async measure(seconds: number): Promise<Measures> {
    let measured: Omit<Measures, 'mostConnections'> | undefined;
    const mostConnections = await this.#installation.mostConnections(async () => {
      measured = await this.#measureAll(seconds);
    });
    return { ...measured!, mostConnections };
  }

  async #measureAll(seconds: number): Promise<Omit<Measures, 'mostConnections'>> {
    let server = await this.#start();
    let residentMiB = 0;
    const noteMemory = () => (residentMiB = Math.max(residentMiB, server.peakResidentMiB()));
    const rounds = () => inRounds(ROUNDS, () => runLoad(this.#folder, server, this.#load, seconds));
    try {
      const firstSeconds = await timed(() => this.#oneOfEach());
      const inTurn = await rounds();
      const besideNoise = await inRounds(ROUNDS, () => this.#besideNoise(server, seconds));
      const tokens = await this.#oneOfEach();
      const rotationSeconds = await timed(() => this.#installation.cli(['keys', 'rotate', '--all', '-o', 'json']));
      const afterRotation = await rounds();
      const refusedTokens = (await this.#refused(tokens)) + (await this.#refused(await this.#oneOfEach()));
      noteMemory();
      await server.end();
      const restartSeconds = await timed(async () => {
        server = await this.#start();
      });
      const againSeconds = await timed(() => this.#oneOfEach());
      noteMemory();
      return {
        firstSeconds,
        inTurn,
        besideNoise,
        rotationSeconds,
        afterRotation,
        refusedTokens,
        restartSeconds,
        againSeconds,
        residentMiB,
        unavailable: this.#unavailable,
        noiseFailures: this.#noiseFailures,
      };
    } finally {
      await server.end();
      await mkdir(RESULTS, { recursive: true });
      await copyFailures(join(this.#folder, 'access.log'), join(RESULTS, 'ten-thousand-tenants.log'));
    }
  }

  /** Resolves when it is ready. */
  async #start(): Promise<PinnedProcess> {
    const server = await startPinned(SERVER_CORE, [process.execPath, join(REPOSITORY, 'dist/main.js')], {
      cwd: this.#installation.folder,
      env: {
        ...this.#installation.environment(),
        HOST: '127.0.0.1',
        PORT: String(this.#port),
        TESSERA_TENANT_CONNECTIONS: String(BUDGET),
        NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}`,
        // Each token reads its tenant's database.
        TESSERA_GRANTS_CACHE_SECONDS: '0',
      },
      logFile: join(this.#folder, 'access.log'),
      countsAllocations: true,
    });
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${this.#port}/readyz`).catch(() => undefined);
      await answer?.arrayBuffer();
      if (answer?.status === 200) return server;
      if (server.hasEnded()) throw new Error(`the server ended:\n${server.lastLines()}`);
    }
  }

  /** A token of each tenant. An answer of 503 is counted and asked again, as a client does. */
  async #oneOfEach(): Promise<string[]> {
    const tokens: string[] = [];
    await inParallel(this.#load.bodies, async (body) => {
      for (;;) {
        const answer = await fetch(this.#load.url, {
          method: 'POST',
          headers: { 'content-type': this.#load.contentType },
          body,
        });
        const { access_token: token } = (await answer.json()) as { access_token?: string };
        if (token !== undefined) {
          tokens.push(token);
          return;
        }
        if (answer.status !== 503) throw new Error(`a tenant's token: ${answer.status}`);
        this.#unavailable += 1;
        await delay(ASK_AGAIN_MS);
      }
    });
    return tokens;
  }

  /** How many of these valid tokens are refused. */
  async #refused(tokens: readonly string[]): Promise<number> {
    let refused = 0;
    await inParallel(tokens, async (token) => {
      const headers = { authorization: `Bearer ${token}` };
      const answer = await fetch(`http://127.0.0.1:${this.#port}/auth/user/profile`, { headers });
      await answer.arrayBuffer();
      if (answer.status !== 200) refused += 1;
    });
    return refused;
  }

  /** The load of all tenants but one, which asks as fast as it can. */
  async #besideNoise(server: PinnedProcess, seconds: number): Promise<LoadResult> {
    const [noisy = '', ...others] = this.#load.bodies;
    let isOver = false;
    const noise = Array.from({ length: NOISY_CALLERS }, async () => {
      while (!isOver) {
        const headers = { 'content-type': this.#load.contentType };
        const answer = await fetch(this.#load.url, { method: 'POST', headers, body: noisy });
        await answer.arrayBuffer();
        if (answer.status !== 200) this.#noiseFailures += 1;
      }
    });
    try {
      return await runLoad(this.#folder, server, { ...this.#load, bodies: others }, seconds);
    } finally {
      isOver = true;
      await Promise.all(noise);
    }
  }
}

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const rest = [...items];
  const worker = async (): Promise<void> => {
    for (let item = rest.pop(); item !== undefined; item = rest.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

/** Prints how many tenants are there, because it takes a quarter of an hour. */
async function withProgress(installation: ManyTenants, work: () => Promise<void>): Promise<void> {
  const startedAt = performance.now();
  const timer = setInterval(() => {
    void installation.provisioned().then((count) => {
      const elapsed = Math.round((performance.now() - startedAt) / 1000);
      console.error(`  ${count} of ${installation.ids.length} tenants after ${elapsed} s`);
    });
  }, 15_000);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
}

type Command = 'applySeconds' | 'applyAgainSeconds' | 'doctorSeconds' | 'exportSeconds' | 'oneTenantSeconds';

function report(
  tenants: number,
  seconds: number,
  measures: Measures,
  commands: Readonly<Record<Command, number>>,
): Section {
  const failures = failuresOf([...measures.inTurn, ...measures.besideNoise, ...measures.afterRotation]);
  const time = (name: string, value: number) => [name, `${decimals(value, 1)} s`, '', ''];
  const { residentMiB, mostConnections, refusedTokens, unavailable, noiseFailures } = measures;
  return {
    title: 'Ten thousand tenants on MariaDB',
    text:
      `${decimals(tenants, 0)} tenants, each with its own database and user, on ${SERVERS} MariaDB servers that do not wait for their disk and keep all databases in one tablespace. One process, ` +
      `at most ${BUDGET} connections to tenants, with \`NODE_OPTIONS=--max-old-space-size=${HEAP_MIB}\`. No grants are kept in memory: each token reads its tenant's database. ${CONNECTIONS} connections, ${ROUNDS} rounds of ${seconds} s ` +
      'each. Only with `npm run build && npm run bench -- --only ten-thousand-tenants --write`.',
    tables: [
      {
        head: ['all tenants in turn', ...MEASURED],
        rows: [
          ['alone', ...cellsOf(measures.inTurn)],
          [`beside one tenant with ${NOISY_CALLERS} callers`, ...cellsOf(measures.besideNoise)],
          ['after the rotation of all keys', ...cellsOf(measures.afterRotation)],
        ],
      },
      {
        head: ['measure', 'value', 'target', 'met'],
        rows: [
          ['resident memory, the most', `${residentMiB} MiB`, `≤ ${MAX_MIB} MiB`, targetMark(residentMiB <= MAX_MIB)],
          [
            'connections to tenants, the most that the servers saw',
            String(mostConnections),
            `≤ ${BUDGET}`,
            targetMark(mostConnections <= BUDGET),
          ],
          ['requests that failed, of the loads', String(failures), '0', targetMark(failures === 0)],
          ['requests of the noisy tenant that failed', String(noiseFailures), '0', targetMark(noiseFailures === 0)],
          ['valid tokens refused after the rotation', String(refusedTokens), '0', targetMark(refusedTokens === 0)],
          ['first tokens that were answered 503 and asked for again', String(unavailable), '', ''],
          time('`tessera apply`, the first', commands.applySeconds),
          time('`tessera apply`, nothing to change', commands.applyAgainSeconds),
          time('`tessera keys list`, one tenant', commands.oneTenantSeconds),
          time('`tessera doctor`', commands.doctorSeconds),
          time('`tessera export`', commands.exportSeconds),
          time('first token of every tenant', measures.firstSeconds),
          time('`tessera keys rotate --all`', measures.rotationSeconds),
          time('restart until ready', measures.restartSeconds),
          time('every tenant served again after the restart', measures.againSeconds),
        ],
      },
    ],
  };
}
