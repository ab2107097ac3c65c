import type { ControlPlane } from '../../control-plane/control-plane.ts';
import { PARTS } from '../audit-statements.ts';

/** The times of the oldest and of the newest audit record, by an index. Milliseconds since the epoch; undefined without records. */
export async function auditSpan(
  controlPlane: Pick<ControlPlane, 'database'>,
): Promise<{ readonly oldestMs: number; readonly newestMs: number } | undefined> {
  const database = await controlPlane.database();
  const times = async (statements: readonly string[]): Promise<number[]> => {
    const found: number[] = [];
    for (const statement of statements) {
      const [row] = await database.query(statement);
      if (typeof row?.['at_ms'] === 'number') found.push(row['at_ms']);
    }
    return found;
  };
  const { oldest, newest } = PARTS[database.kind];
  const first = await times(oldest.map(({ find }) => find));
  const last = await times(newest);
  return first.length === 0 ? undefined : { oldestMs: Math.min(...first), newestMs: Math.max(...last) };
}
