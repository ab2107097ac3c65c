import type { DatabaseName } from '../errors/dependency-failure.ts';
import type { DataSource, EntityManager } from 'typeorm';
import type { DetachedConnection } from './mysql/pool/detached-connection.ts';

export type SqlValue = string | number | null;
export type Row = Readonly<Record<string, unknown>>;

/**
 * The adapter to one database, SQLite or MySQL/MariaDB. Only its implementations use TypeORM and its drivers. Every call ends within the database's
 * timeout, and rejects only with `TesseraError('temporarily_unavailable')`, never with a driver's error.
 */
export abstract class Database {
  /** A fixed name for error reasons, e.g. `control database`. */
  abstract readonly name: DatabaseName;
  abstract readonly kind: 'sqlite' | 'mysql';
  /** A `BoundedDataSource`: for repositories and the list of migrations. */
  abstract readonly dataSource: DataSource;

  /** Runs one statement with `?` placeholders, prepared once per connection. The fastest way to query. */
  abstract query(sql: string, parameters?: readonly SqlValue[]): Promise<Row[]>;

  /**
   * Adds a time limit to a SELECT. The server enforces it even if the SELECT reads a view. `query` does this itself for databases that others
   * control; use this for statements in a `snapshot`.
   */
  abstract limited(select: string): string;

  /**
   * Runs several reads on one consistent snapshot.
   *
   * @param timeoutMs for all of them; default: the database's timeout
   */
  abstract snapshot<T>(work: (manager: EntityManager) => Promise<T>, timeoutMs?: number): Promise<T>;

  /**
   * Runs `work` in a transaction. On SQLite only one runs at a time and `query` waits for it, so `work` must not call this object's methods.
   * On a server `work` may run again, after a transaction that was undone because of another one, so what it does elsewhere must be repeatable.
   *
   * @param timeoutMs for the whole transaction; default: thirty times the database's timeout, because a large change has many statements
   */
  abstract transaction<T>(work: (manager: EntityManager) => Promise<T>, timeoutMs?: number): Promise<T>;

  /**
   * Runs the pending migrations. For `runMigrations`.
   *
   * @param timeoutMs for all of them; default: none, because changing a large table takes long
   * @returns the names of the migrations that ran
   */
  abstract runMigrations(timeoutMs?: number): Promise<string[]>;

  /**
   * After a call that rejected with `error`: resolves when the server has released the connection that failed. Until then, the
   * connection counts against the limits. Never rejects; undefined if the server holds none.
   */
  abstract letGo(error: unknown): Promise<void> | undefined;

  /** Closes one idle connection if there is more than one, so that another pool may open one. Resolves when the server has released it. */
  abstract shrink(): Promise<void>;

  /**
   * Takes one idle connection out of its pool, for the pool of another database on the same server. Whoever takes it gives or closes it. Undefined:
   * there is none to give.
   */
  detach(): DetachedConnection | undefined {
    return undefined;
  }

  /** Resolves when the server has released all connections, or after a short wait if it does not answer. */
  abstract close(): Promise<void>;
}
