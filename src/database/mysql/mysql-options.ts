import type { DatabaseName } from '../../errors/dependency-failure.ts';
import type { Secret } from '../../config/secret.ts';
import type { DatabaseSite } from '../database-site.ts';
import type { Schema } from '../schema.ts';

export interface MysqlOptions {
  readonly name: DatabaseName;
  /** The tenant of the database; absent: the control database. */
  readonly tenantId?: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  readonly password: Secret;
  readonly poolSize: number;
  /** Maximum age of a connection; an older one is replaced before its next use. Default: no limit. */
  readonly connectionMaxAgeMs?: number;
  /** For connecting, and for each statement including the wait for its connection. */
  readonly timeoutMs: number;
  readonly dangerouslyAllowPlaintext: boolean;
  /**
   * Maximum size of the answers to one statement or one transaction: bytes, plus 64 for each row. `Infinity` for a database that only the operator
   * controls.
   */
  readonly answerLimit: number;
  readonly schema: Schema;
}

/** The site for errors of this database. */
export function mysqlSite({
  tenantId,
  host,
  port,
  username,
  database,
}: Pick<MysqlOptions, 'tenantId' | 'host' | 'port' | 'username'> & { readonly database?: string }): DatabaseSite {
  const server = { host, port, username, ...(database === undefined ? {} : { database }) };
  return { ...(tenantId === undefined ? {} : { tenantId }), server };
}
