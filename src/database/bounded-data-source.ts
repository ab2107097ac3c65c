import { DataSource } from 'typeorm';
import type { Database } from './database.ts';

/**
 * TypeORM's DataSource with the limits of a `Database`, so that repositories and other users of the DataSource have them too.
 *
 * - `initialize` makes one attempt at a time, within the database's timeout. It can be repeated after a failure, resolves when it is initialized already,
 *   and rejects with a TesseraError.
 * - `createQueryRunner` returns a runner whose statements are bounded, and reject with a TesseraError.
 * - `destroy` is bounded, can be repeated, and never rejects.
 */
export abstract class BoundedDataSource extends DataSource {
  /** Initializes the source if necessary, and resolves with its database. */
  abstract open(): Promise<Database>;
}
