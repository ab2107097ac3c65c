import type { PoolConnection } from 'mysql2';
import type { QueryRunner } from 'typeorm';
import { answerInTime, noAnswer } from './answers/answer-in-time.ts';
import { databaseFailure } from '../database-failure.ts';
import { type MysqlOptions, mysqlSite } from './mysql-options.ts';
import type { PoolConnections } from './pool/pool-connections.ts';

type Query = (sql: string, parameters?: unknown[], useStructuredResult?: boolean) => Promise<unknown>;

/**
 * Limits each statement of a query runner, including the wait for a connection, to the database's timeout. A connection that broke or did not answer
 * is closed and not returned to the pool, because its late answer would be taken for that of the next statement.
 */
export function boundRunner(runner: QueryRunner, connections: PoolConnections, options: MysqlOptions): QueryRunner {
  const connect = runner.connect.bind(runner) as () => Promise<PoolConnection>;
  const query = runner.query.bind(runner) as Query;
  const release = runner.release.bind(runner);
  let connection: PoolConnection | undefined;
  let isGivenUp = false;

  const connectOnce = async (): Promise<PoolConnection> => {
    const acquired = await connect();
    // The connection came too late: its caller has timed out.
    if (isGivenUp && connection === undefined) connections.drop(acquired);
    if (isGivenUp) throw noAnswer();
    connection = acquired;
    connections.restartLimit(acquired);
    return acquired;
  };
  const bounded = async (sql: string, parameters?: unknown[], useStructuredResult?: boolean): Promise<unknown> => {
    try {
      if (isGivenUp) throw noAnswer();
      return await answerInTime(options.timeoutMs, query(sql, parameters, useStructuredResult));
    } catch (error) {
      if (connection === undefined) isGivenUp = true;
      else if (!isGivenUp && connections.dropIfBroken(connection, error)) isGivenUp = true;
      throw databaseFailure(options.name, error, mysqlSite(options));
    }
  };
  const releaseUnlessGivenUp = async (): Promise<void> => {
    if (isGivenUp) Object.assign(runner, { isReleased: true });
    else await release();
  };
  return Object.assign(runner, { connect: connectOnce, query: bounded, release: releaseUnlessGivenUp });
}
