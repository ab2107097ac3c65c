import type { ControlPlane } from '../../src/control-plane/control-plane.ts';
import type { AuditStore } from './audit-stores.ts';

export const AUDIT = { rows: 10_000_000, days: 90, tenants: 10, clients: 3, subjects: 20_000 } as const;

const SPAN_MS = AUDIT.days * 86_400_000;
const ROWS_PER_STATEMENT = 1_000_000;
const COLUMNS =
  'at_ms, request_id, route, source, outcome, reason, tenant_id, project_id, client_id, subject_id, token_id, key_id, secret_id';

/**
 * Records of ten busy tenants. One in fifty is a refusal, all of the first tenant. They are written into the table of the version before, which has
 * few indices.
 *
 * @returns how long the migration of that table takes
 */
export async function fillAudit(store: AuditStore, controlPlane: ControlPlane): Promise<number> {
  await controlPlane.migrate();
  const { dataSource } = await controlPlane.database();
  while (!(await controlPlane.pendingMigrations()).some((name) => name.startsWith('AuditReading')))
    await dataSource.undoLastMigration();
  const isSqlite = store.name === 'SQLite';
  const startMs = Date.now() - SPAN_MS;
  for (let first = 1; first <= AUDIT.rows; first += ROWS_PER_STATEMENT) {
    const last = Math.min(AUDIT.rows, first + ROWS_PER_STATEMENT - 1);
    await store.run(isSqlite ? sqliteInsert(startMs, first, last) : mariadbInsert(startMs, first, last));
  }
  const startedAt = performance.now();
  await controlPlane.migrate();
  return (performance.now() - startedAt) / 1000;
}

function sqliteInsert(startMs: number, first: number, last: number): string {
  const id = 'lower(hex(randomblob(18)))';
  return `INSERT INTO audit_records (${COLUMNS})
    WITH RECURSIVE numbers(n) AS (SELECT ${first} UNION ALL SELECT n + 1 FROM numbers WHERE n < ${last})
    SELECT ${startMs} + n * ${SPAN_MS} / ${AUDIT.rows}, ${id}, 'POST /auth/user/generateToken', '10.0.0.1', ${outcome('n')},
      'tenant-' || (n % ${AUDIT.tenants}), 'shop', 'client-' || (n % ${AUDIT.clients}),
      'u-' || (abs(random()) % ${AUDIT.subjects}), CASE WHEN n % 50 <> 0 THEN ${id} END, ${IDS} FROM numbers`;
}

function mariadbInsert(startMs: number, first: number, last: number): string {
  const id = (of: string) => `CONCAT(MD5(CONCAT('${of}', seq)), LPAD(seq % 10000, 4, '0'))`;
  return `INSERT INTO audit_records (${COLUMNS})
    SELECT ${startMs} + seq * ${SPAN_MS} DIV ${AUDIT.rows}, ${id('request')}, 'POST /auth/user/generateToken', '10.0.0.1', ${outcome('seq')},
      CONCAT('tenant-', seq % ${AUDIT.tenants}), 'shop', CONCAT('client-', seq % ${AUDIT.clients}),
      CONCAT('u-', FLOOR(RAND() * ${AUDIT.subjects})), CASE WHEN seq % 50 <> 0 THEN ${id('token')} END, ${IDS}
    FROM seq_${first}_to_${last}`;
}

const IDS = "'k-4Z3cYx0sGJr0eWq7nQ1pN8vB2tLmKdHf', 'sec-3f9c0a51b2d4'";

function outcome(number: string): string {
  return `CASE WHEN ${number} % 50 = 0 THEN 'unauthorized' ELSE 'issued' END, CASE WHEN ${number} % 50 = 0 THEN 'the subject is disabled' END`;
}
