import { median } from './harness/median.ts';
import { CONNECTIONS, type LoadResult, runLoad, untilAnswered } from './harness/load.ts';
import { ProductionStores } from './harness/production-stores.ts';
import { type Section, decimals, targetMark } from './harness/report.ts';
import { cellsOf, failuresOf, inRounds, MEASURED } from './harness/rounds.ts';
import { SAMPLE } from './sample/sample-request.ts';
import { Tessera } from './harness/tessera.ts';
import { tenantsFile } from './sample/tenants-file.ts';

const USERS = 30_000;
const ROUNDS = 3;
const WARM_UP_SECONDS = 3;
const MIN_PER_SECOND = 1000;
/** The default of TESSERA_GRANTS_CACHE_SECONDS. Grants of a subject that is requested again later than this are read from the database again. */
const GRANTS_CACHE_SECONDS = 5;

/** Every request is for another user, so the grants of each are read from the tenant's MariaDB. */
export async function coldSubjects(folder: string, seconds: number): Promise<Section> {
  const stores = await ProductionStores.start('synced');
  try {
    const tessera = await Tessera.in(folder, stores.settings());
    const database = await stores.databaseOf(SAMPLE.tenant);
    const users = Array.from({ length: USERS }, (_, index) => ({ id: `u-${index}`, email: `u${index}@acme.example` }));
    await tessera.apply(tenantsFile([{ id: SAMPLE.tenant, database, users }]));
    const bodies = users.map(({ email }) => tessera.body(SAMPLE.tenant, email));
    const server = await tessera.start();
    try {
      const load = tessera.load(bodies);
      await untilAnswered(server, load);
      const { requests: warmed } = await runLoad(folder, server, load, WARM_UP_SECONDS);
      const results = await inRounds(ROUNDS, (sent) =>
        runLoad(folder, server, { ...load, firstBody: warmed + sent }, seconds),
      );
      return report(results, seconds, server.residentMiB());
    } finally {
      await server.end();
    }
  } finally {
    await stores.close();
  }
}

function report(results: readonly LoadResult[], seconds: number, residentMiB: number): Section {
  const perSecond = median(results.map((result) => result.requestsPerSecond));
  if (perSecond * GRANTS_CACHE_SECONDS > USERS)
    throw new Error('too few users: some were requested again while still cached');
  return {
    title: 'Cold subjects on MariaDB',
    text:
      `One tenant of ${decimals(USERS, 0)} users; control plane and directory on MariaDB, secrets in OpenBao, both on the core of ` +
      `the load. Every request is for a user whose grants are not in memory; ${CONNECTIONS} connections, median of ${ROUNDS} rounds of ${seconds} s.`,
    tables: [
      {
        head: [...MEASURED, 'MiB', 'target', 'met'],
        rows: [
          [
            ...cellsOf(results),
            String(residentMiB),
            `≥ ${decimals(MIN_PER_SECOND, 0)}/s`,
            targetMark(perSecond >= MIN_PER_SECOND && failuresOf(results) === 0),
          ],
        ],
      },
    ],
  };
}
