import type { Secret } from '../../config/secret.ts';
import type { DatabaseSite } from '../database-site.ts';
import type { Schema } from '../schema.ts';

export interface MysqlOptions {
  readonly name: string;
  /** Whose database it is; absent: the control database. */
  readonly tenantId?: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  readonly password: Secret;
  readonly poolSize: number;
  /** An older connection is replaced before it is used again. Default: none is, for its age. */
  readonly connectionMaxAgeMs?: number;
  /** For connecting, and for each statement with the wait for its connection. */
  readonly timeoutMs: number;
  readonly dangerouslyAllowPlaintext: boolean;
  /**
   * What the answer to one statement, or to all of one transaction, may take: bytes and 64 more for each row. `Infinity` for a database
   * that nobody else controls.
   */
  readonly answerLimit: number;
  readonly schema: Schema;
}

/** Where errors come from. */
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
