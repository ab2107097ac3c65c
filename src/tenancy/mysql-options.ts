import type { Secret } from '../config/secret.ts';
import type { Schema } from './schema.ts';

export interface MysqlOptions {
  readonly name: string;
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
