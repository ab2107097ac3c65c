import type { EntityManager, FindOptionsWhere } from 'typeorm';
import type { DatabaseName } from '../errors/dependency-failure.ts';
import { unavailable } from '../errors/tessera-error.ts';
import type { RowOf } from './schema.ts';

/**
 * Reads back what a transaction has written, before the commit. A trigger, a view in place of a table or a proxy may have changed the data, which
 * would otherwise show only when it is used.
 *
 * @param where selects exactly the rows that were written
 * @throws TesseraError `temporarily_unavailable` if anything differs, so that the whole transaction is rolled back
 */
export async function assertKept<E extends object>(
  manager: EntityManager,
  database: DatabaseName,
  entity: new () => E,
  where: FindOptionsWhere<E>,
  written: readonly RowOf<E>[],
): Promise<void> {
  const kept = (await manager.find(entity, { where })).map(canonical).sort();
  const wanted = written.map(canonical).sort();
  if (kept.length !== wanted.length || kept.some((row, index) => row !== wanted[index]))
    throw unavailable(database, 'does not keep what is written');
}

function canonical(row: object): string {
  return JSON.stringify(Object.entries(row).sort(([one], [other]) => (one < other ? -1 : 1)));
}
