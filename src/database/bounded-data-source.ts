import { DataSource, type DataSourceOptions } from 'typeorm';
import type { DatabaseName } from '../errors/dependency-failure.ts';
import { unavailable } from '../errors/tessera-error.ts';
import type { Database } from './database.ts';

/**
 * TypeORM's DataSource with the limits of a `Database`, so that repositories and other users of the DataSource have them too.
 *
 * - `initialize` makes one attempt at a time, within the database's timeout. It can be repeated after a failure, resolves when it is initialized already,
 *   and rejects with a TesseraError.
 * - `createQueryRunner` returns a runner whose statements are bounded, and reject with a TesseraError.
 * - `destroy` is bounded, can be repeated, and never rejects.
 */
export abstract class BoundedDataSource<D extends Database = Database> extends DataSource {
  readonly #name: DatabaseName;
  #database: D | undefined;
  #attempt: Promise<this> | undefined;

  constructor(name: DatabaseName, options: DataSourceOptions) {
    super(options);
    this.#name = name;
  }

  /** Initializes the source if necessary, and resolves with its database. */
  async open(): Promise<D> {
    await this.initialize();
    if (this.#database === undefined) throw unavailable(this.#name, 'closed');
    return this.#database;
  }

  override initialize(): Promise<this> {
    if (this.#attempt !== undefined) return this.#attempt;
    if (this.#database !== undefined) return Promise.resolve(this);
    this.#attempt = this.connect()
      .then(() => this)
      .finally(() => (this.#attempt = undefined));
    return this.#attempt;
  }

  /** Makes one attempt, and calls `keep` if it succeeds. A failed attempt leaves nothing open, and rejects with a TesseraError. */
  protected abstract connect(): Promise<void>;

  /** TypeORM's own part of an attempt. */
  protected initializeTypeOrm(): Promise<this> {
    return super.initialize();
  }

  protected keep(database: D): void {
    this.#database = database;
  }

  /** TypeORM sets its flag before it has built the metadata, and an attempt may have been given up in between. */
  protected forget(): void {
    this.#database = undefined;
    Object.assign(this, { isInitialized: false });
  }
}
