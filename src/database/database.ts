import type { DataSource, EntityManager } from 'typeorm';

export type SqlValue = string | number | null;
export type Row = Readonly<Record<string, unknown>>;

/**
 * The door to one database, SQLite or MySQL/MariaDB; TypeORM and its drivers stay behind it. Every call ends within the database's
 * timeout, and rejects with `TesseraError('temporarily_unavailable')` alone: nothing that a driver threw passes this door.
 */
export abstract class Database {
  /** A fixed name for errors, e.g. `control database`. */
  abstract readonly name: string;
  abstract readonly kind: 'sqlite' | 'mysql';
  /** For the list of migrations alone: calls on it are neither bounded nor translated. */
  abstract readonly dataSource: DataSource;

  /** One statement with `?` placeholders, prepared once per connection: the fast way. */
  abstract query(sql: string, parameters?: readonly SqlValue[]): Promise<Row[]>;

  /**
   * A SELECT that the server ends within the database's timeout whatever a view in it does. `query` sees to that by itself where others
   * control the database; this is for statements of a `snapshot`.
   */
  abstract limited(select: string): string;

  /** Several reads of one moment. */
  abstract snapshot<T>(work: (manager: EntityManager) => Promise<T>): Promise<T>;

  /**
   * All or nothing. On SQLite one at a time, and `query` waits meanwhile: do not call the database's own methods in `work`.
   *
   * @param timeoutMs for all of it; default: thirty times the database's timeout, because a large change is many statements
   */
  abstract transaction<T>(work: (manager: EntityManager) => Promise<T>, timeoutMs?: number): Promise<T>;

  /**
   * Runs the pending migrations. For `runMigrations`.
   *
   * @param timeoutMs for all of them; default: none, because a large table takes as long as it needs
   * @returns the names of those that were run
   */
  abstract runMigrations(timeoutMs?: number): Promise<string[]>;

  /**
   * After a call that rejected with `error`: resolves when the server has let go of the connection that was given up with it. Until
   * then the connection counts. Never rejects; undefined when the server holds none.
   */
  abstract letGo(error: unknown): Promise<void> | undefined;

  /** Closes one idle connection, where there is more than one, so that another pool may open one; resolves when its server knows. */
  abstract shrink(): Promise<void>;

  /** Resolves when the server knows that all connections are closed, or after a short wait for a server that does not answer. */
  abstract close(): Promise<void>;
}
