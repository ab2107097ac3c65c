import type { Tenant } from './tenant.ts';

/**
 * The database's address and kind of directory: a tenant for which it changes gets another pool. The address of an embedded directory includes the
 * tenant's version: if the directory is destroyed and created again under the same id, it is another file, and an open connection would still read
 * the old one.
 */
export function addressOf({ database, directory, version }: Tenant): string {
  return database.driver === 'sqlite'
    ? `sqlite ${version}`
    : `${directory} ${database.host} ${database.port} ${database.name}`;
}

/** The server of the tenant's database; undefined for an embedded directory. */
export function serverOf({ database }: Pick<Tenant, 'database'>): string | undefined {
  return database.driver === 'sqlite' ? undefined : `${database.host} ${database.port}`;
}
