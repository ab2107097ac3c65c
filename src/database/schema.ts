import type { EntityTarget, MigrationInterface, ObjectLiteral } from 'typeorm';

/** What TypeORM is told about one kind of database: the control plane's or a tenant's. */
export interface Schema {
  readonly entities: readonly EntityTarget<ObjectLiteral>[];
  readonly migrations: readonly (new () => MigrationInterface)[];
}

/**
 * For databases that are only read by plain statements: an entity's metadata takes milliseconds and hundreds of kilobytes to build, which
 * a pool for each of a thousand tenants need not pay.
 */
export const NO_ENTITIES: Schema = Object.freeze({ entities: [], migrations: [] });

/** An entity's columns as plain data: what is written need not be made by the class. */
export type RowOf<Entity> = { readonly [Property in keyof Entity]: Entity[Property] };
