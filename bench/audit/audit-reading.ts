import { type AuditFilter, findAuditRecords } from '../../src/audit/reading/audit-query.ts';
import { ControlPlane, createControlPlane } from '../../src/control-plane/control-plane.ts';
import { Log } from '../../src/logging/log.ts';
import { AUDIT, fillAudit } from './audit-rows.ts';
import { type AuditStore, mariadbStore, sqliteStore } from './audit-stores.ts';
import { median } from '../harness/median.ts';
import { decimals, type Section, type Table, targetMark } from '../harness/report.ts';

const TARGET_MS = 50;
const SAMPLES = 5;
const LIMIT = 100;
const DAY_MS = 86_400_000;
/** A tenth of `MAX_UNINDEXED` of src/audit/audit-indexing.ts: what some seconds of a server's full speed leave. */
const UNINDEXED = 50_000;
const SILENT = new Log('silent', { write: () => undefined });

/** Each filter of `tessera audit` among ten million records. */
export async function auditReading(folder: string): Promise<Section> {
  const tables = [...(await measureStore(sqliteStore(folder))), ...(await measureStore(await mariadbStore(folder)))];
  return {
    title: 'Reading the audit',
    text:
      `The newest ${LIMIT} of ${decimals(AUDIT.rows, 0)} records of ${AUDIT.days} days and ${AUDIT.tenants} tenants, by each filter of \`tessera audit\`, ` +
      `without the start of the command. ${SAMPLES} reads each, for other subjects, tokens and times. Only with \`npm run bench -- --only audit --write\`.`,
    tables,
  };
}

async function measureStore(store: AuditStore): Promise<Table[]> {
  try {
    const writable = createControlPlane(store.config, SILENT);
    const migration = await fillAudit(store, writable).finally(() => writable.close());
    const text = `${store.name}; the migration that makes the indices took ${decimals(migration, 0)} s:`;
    const tables = [await measureFilters(store, text)];
    if (store.name !== 'SQLite') return tables;
    await store.run(
      `UPDATE audit_records SET unindexed = 1 WHERE id > (SELECT MAX(id) FROM audit_records) - ${UNINDEXED}`,
    );
    return [
      ...tables,
      await measureFilters(
        store,
        `SQLite, when the newest ${decimals(UNINDEXED, 0)} records are in no index yet, as after some seconds of a server's full speed:`,
      ),
    ];
  } finally {
    await store.close();
  }
}

export async function measureFilters(store: AuditStore, text: string): Promise<Table> {
  const controlPlane = ControlPlane.live(store.config, SILENT);
  try {
    const samples = await samplesOf(controlPlane);
    const rows: string[][] = [];
    for (const [name, filterOf] of FILTERS) {
      const times: number[] = [];
      let found = 0;
      for (const sample of samples) {
        const startedAt = performance.now();
        found = (await findAuditRecords(controlPlane, { ...filterOf(sample), limit: LIMIT })).length;
        times.push(performance.now() - startedAt);
      }
      const typical = median(times);
      rows.push([
        name,
        String(found),
        decimals(typical, 1),
        decimals(Math.max(...times), 1),
        `≤ ${TARGET_MS} ms`,
        targetMark(typical <= TARGET_MS),
      ]);
    }
    return { text, head: ['filter', 'records', 'median ms', 'slowest ms', 'target', 'met'], rows };
  } finally {
    await controlPlane.close();
  }
}

interface Sample {
  readonly atMs: number;
  readonly tenantId: string;
  readonly subjectId: string;
  readonly tokenId: string;
  readonly requestId: string;
}

/** Records of tokens that lie far apart, so that no read finds the pages of the one before. */
async function samplesOf(controlPlane: ControlPlane): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let number = 1; number <= SAMPLES; number += 1) {
    const untilMs = Date.now() - number * 7 * DAY_MS;
    const tenantId = `tenant-${number}`;
    const [row] = await findAuditRecords(controlPlane, { untilMs, tenantId, limit: 1 });
    const { atMs, subjectId, tokenId, requestId } = row ?? {};
    if (atMs === undefined || typeof subjectId !== 'string' || typeof tokenId !== 'string' || requestId === undefined)
      throw new Error('there is no record of a token');
    samples.push({ atMs, tenantId, subjectId, tokenId, requestId });
  }
  return samples;
}

const CLIENT = { projectId: 'shop', clientId: 'client-1' };
const REFUSED = 'unauthorized';

const FILTERS: readonly (readonly [name: string, filterOf: (sample: Sample) => Omit<AuditFilter, 'limit'>])[] = [
  ['none', () => ({})],
  ['since', ({ atMs }) => ({ sinceMs: atMs })],
  ['until', ({ atMs }) => ({ untilMs: atMs })],
  ['tenant', ({ tenantId }) => ({ tenantId })],
  [
    'tenant, subject',
    ({ tenantId, subjectId }) => ({ tenantId, subjects: [{ tenantId, column: 'subject_id', value: subjectId }] }),
  ],
  [
    'subject in any tenant',
    ({ subjectId }) => ({ subjects: [{ tenantId: undefined, column: 'subject_id', value: subjectId }] }),
  ],
  [
    'tenant, address that nobody has',
    ({ tenantId }) => ({ tenantId, subjects: [{ tenantId, column: 'subject_digest', value: 'of nobody' }] }),
  ],
  ['tenant, client', ({ tenantId }) => ({ tenantId, client: CLIENT })],
  ['client in any tenant', () => ({ client: CLIENT })],
  ['tenant, token', ({ tenantId, tokenId }) => ({ tenantId, tokenId })],
  ['token in any tenant', ({ tokenId }) => ({ tokenId })],
  ['request', ({ requestId }) => ({ requestId })],
  ['tenant, outcome', () => ({ tenantId: 'tenant-0', outcome: REFUSED })],
  ['tenant, outcome that it never had', ({ tenantId }) => ({ tenantId, outcome: REFUSED })],
  ['outcome in any tenant', () => ({ outcome: REFUSED })],
];
