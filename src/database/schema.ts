import type { EntityTarget, MigrationInterface, ObjectLiteral } from 'typeorm';

/** The entities and migrations of one kind of database: the control plane's or a tenant's. */
export interface Schema {
  readonly entities: readonly EntityTarget<ObjectLiteral>[];
  readonly migrations: readonly (new () => MigrationInterface)[];
  /** Of the entities' tables; absent: none. The migrations name their tables themselves. */
  readonly tablePrefix?: string;
}

/**
 * For databases that are read only by plain statements. Entity metadata costs milliseconds and hundreds of kilobytes per pool, and there may be a
 * pool for each of a thousand tenants.
 */
export const NO_ENTITIES: Schema = Object.freeze({ entities: [], migrations: [] });

/** An entity's columns as plain data, so that rows can be written without an instance of the class. */
export type RowOf<Entity> = { readonly [Property in keyof Entity]: Entity[Property] };
