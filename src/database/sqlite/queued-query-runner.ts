import type { DatabaseName } from '../../errors/dependency-failure.ts';
import type { QueryRunner } from 'typeorm';
import { databaseFailure } from '../database-failure.ts';
import type { DatabaseSite } from '../database-site.ts';
import { retryWhileBusy } from './retry-while-busy.ts';
import type { StatementQueue } from './statement-queue.ts';

type Query = (sql: string, parameters?: unknown[], useStructuredResult?: boolean) => Promise<unknown>;

/**
 * Queues the statements of a query runner with all others on the one connection. TypeORM awaits between `query` and the execution, so each statement
 * holds the queue; otherwise it could become part of another open transaction. A transaction of the runner holds the queue until its end.
 */
export function queueRunner(
  runner: QueryRunner,
  queue: StatementQueue,
  name: DatabaseName,
  site: DatabaseSite,
): QueryRunner {
  const query = runner.query.bind(runner) as Query;
  const release = runner.release.bind(runner);
  /** Releases the queue at the end of an open transaction. */
  let end: (() => void) | undefined;
  const finish = (): void => {
    end?.();
    end = undefined;
  };

  const begin = async (): Promise<unknown> => {
    end = await queue.take();
    try {
      // IMMEDIATE, because a transaction that reads first and writes later fails at once if another process wrote in between.
      return await retryWhileBusy(() => query('BEGIN IMMEDIATE'));
    } catch (error) {
      finish();
      throw error;
    }
  };
  const queued = async (sql: string, parameters?: unknown[], useStructuredResult?: boolean): Promise<unknown> => {
    const run = (): Promise<unknown> => query(sql, parameters, useStructuredResult);
    if (sql === 'BEGIN TRANSACTION') return begin();
    if (end === undefined) return queue.run(() => retryWhileBusy(run));
    const result = await run();
    if (sql === 'COMMIT' || sql === 'ROLLBACK') finish();
    return result;
  };
  const translated = async (...statement: Parameters<typeof queued>): Promise<unknown> => {
    try {
      return await queued(...statement);
    } catch (error) {
      throw databaseFailure(name, error, site);
    }
  };
  const releaseTurn = async (): Promise<void> => {
    if (end !== undefined) await query('ROLLBACK').catch(() => undefined);
    finish();
    await release();
  };
  return Object.assign(runner, { query: translated, release: releaseTurn });
}
