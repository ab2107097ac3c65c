import { CONNECTIONS, type PostLoad, type LoadResult, runLoad, untilAnswered } from './harness/load.ts';
import type { PinnedProcess } from './harness/pinned-process.ts';
import { ProductionStores } from './harness/production-stores.ts';
import { type Section, decimals, targetMark } from './harness/report.ts';
import { cellsOf, inRounds, MEASURED } from './harness/rounds.ts';
import { Tessera } from './harness/tessera.ts';
import { type TenantPlan, tenantsFile } from './sample/tenants-file.ts';

const TENANTS = 1000;
const USERS_EACH = 20;
/** Passed to the server below: its limits of connections to all tenants together, and to the control plane. */
const TENANT_CONNECTIONS = 100;
const CONTROL_CONNECTIONS = 10;
const MAX_DOCTOR_SECONDS = 60;
const MAX_MIB = 300;
/** About three times what the heap holds. */
const HEAP_MIB = 200;
const ROUNDS = 3;

/** A thousand tenants, each with its own database, served by one process with a hundred connections. */
export async function thousandTenants(folder: string, seconds: number): Promise<Section> {
  const stores = await ProductionStores.start('unsynced');
  try {
    const tessera = await Tessera.in(folder, {
      ...stores.settings(),
      TESSERA_TENANT_CONNECTIONS: String(TENANT_CONNECTIONS),
      TESSERA_CONTROL_POOL_SIZE: String(CONTROL_CONNECTIONS),
    });
    const tenants = await planTenants(stores);
    const startedAt = performance.now();
    await tessera.apply(tenantsFile(tenants));
    const applySeconds = (performance.now() - startedAt) / 1000;
    const doctorSeconds = await tessera.examine();
    const server = await tessera.start({ heapMiB: HEAP_MIB });
    try {
      const measures = await measure({ folder, tessera, server, stores, tenants, seconds });
      return report(measures, { applySeconds, doctorSeconds }, seconds, server);
    } finally {
      await server.end();
    }
  } finally {
    await stores.close();
  }
}

interface Measures {
  /** The time until every tenant is in memory, starting with none. */
  readonly firstTurnSeconds: number;
  readonly warm: readonly LoadResult[];
  readonly cold: readonly LoadResult[];
  readonly peakConnections: number;
}

interface Setup {
  readonly folder: string;
  readonly tessera: Tessera;
  readonly server: PinnedProcess;
  readonly stores: ProductionStores;
  readonly tenants: readonly TenantPlan[];
  readonly seconds: number;
}

async function measure({ folder, tessera, server, stores, tenants, seconds }: Setup): Promise<Measures> {
  // User by user, not tenant by tenant, so that each request is for another tenant than the one before.
  const bodies = Array.from({ length: USERS_EACH }, (_, user) =>
    tenants.map(({ id, users }) => tessera.body(id, users[user]!.email)),
  );
  await untilAnswered(server, tessera.load(bodies[0]!));
  await stores.forgetPeak();
  const startedAt = performance.now();
  await askOnceEach(tessera.load(bodies[0]!));
  const firstTurnSeconds = (performance.now() - startedAt) / 1000;
  // Of the subjects that are read, a later round goes on with those that no earlier one has asked for.
  const rounds = (load: PostLoad) =>
    inRounds(ROUNDS, (firstBody) => runLoad(folder, server, { ...load, firstBody }, seconds));
  const warm = await rounds(tessera.load(bodies[0]!));
  const cold = await rounds(tessera.load(bodies.flat()));
  return { firstTurnSeconds, warm, cold, peakConnections: await stores.peakConnections() };
}

async function askOnceEach(load: PostLoad): Promise<void> {
  const rest = [...load.bodies];
  const ask = async (): Promise<void> => {
    for (let body = rest.pop(); body !== undefined; body = rest.pop()) {
      const answer = await fetch(load.url, { method: 'POST', headers: { 'content-type': load.contentType }, body });
      await answer.arrayBuffer();
      if (answer.status !== 200) throw new Error(`a tenant's first token: ${answer.status}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, ask));
}

async function planTenants(stores: ProductionStores): Promise<TenantPlan[]> {
  const plans: TenantPlan[] = [];
  for (let tenant = 0; tenant < TENANTS; tenant++) {
    const id = `t${String(tenant).padStart(4, '0')}`;
    plans.push({
      id,
      database: await stores.databaseOf(id),
      users: Array.from({ length: USERS_EACH }, (_, user) => ({ id: `u-${user}`, email: `u${user}@acme.example` })),
    });
  }
  return plans;
}

function report(
  { firstTurnSeconds, warm, cold, peakConnections }: Measures,
  { applySeconds, doctorSeconds }: Readonly<Record<'applySeconds' | 'doctorSeconds', number>>,
  seconds: number,
  server: PinnedProcess,
): Section {
  const budget = TENANT_CONNECTIONS + CONTROL_CONNECTIONS;
  const memory = server.peakResidentMiB();
  return {
    title: 'A thousand tenants on MariaDB',
    text:
      `${decimals(TENANTS, 0)} tenants with a database each on one MariaDB that does not wait for its disk, provisioned by one \`tessera apply\`; requests alternate between ` +
      `all tenants, ${CONNECTIONS} connections, ${ROUNDS} rounds of ${seconds} s each. Declared budget: ${TENANT_CONNECTIONS} connections to tenants and ${CONTROL_CONNECTIONS} to the control plane; ` +
      `\`NODE_OPTIONS=--max-old-space-size=${HEAP_MIB}\`.`,
    tables: [
      {
        head: ['requests', ...MEASURED],
        rows: [
          ['one subject of each tenant, in memory', ...cellsOf(warm)],
          [`${decimals(TENANTS * USERS_EACH, 0)} subjects, each read from its database`, ...cellsOf(cold)],
        ],
      },
      {
        head: ['measure', 'value', 'target', 'met'],
        rows: [
          [
            'most connections at one time',
            String(peakConnections),
            `≤ ${budget}`,
            targetMark(peakConnections <= budget),
          ],
          ['first token of every tenant, nothing in memory', `${decimals(firstTurnSeconds, 1)} s`, '', ''],
          ['apply', `${decimals(applySeconds, 0)} s`, '', ''],
          [
            '`tessera doctor`',
            `${decimals(doctorSeconds, 0)} s`,
            `≤ ${MAX_DOCTOR_SECONDS} s`,
            targetMark(doctorSeconds <= MAX_DOCTOR_SECONDS),
          ],
          ['resident memory, the most', `${memory} MiB`, `≤ ${MAX_MIB} MiB`, targetMark(memory <= MAX_MIB)],
        ],
      },
    ],
  };
}
