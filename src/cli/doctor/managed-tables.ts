import { expectedTables } from '../../database/drift/expected-tables.ts';
import type { TableShape } from '../../database/drift/table-shape.ts';
import { directorySchema } from '../../directory/provisioning/directory.schema.ts';
import type { DirectoryRelations } from '../../tenancy/relations/directory-relations.ts';

/** The tables that the migrations of a directory make. */
export type ManagedTables = (
  relations: Pick<DirectoryRelations, 'layout'>,
  kind: 'sqlite' | 'mysql',
) => Promise<readonly TableShape[]>;

/** Makes them once for each layout and kind of database, however many tenants have it. */
export function managedTables(): ManagedTables {
  const made = new Map<string, Promise<readonly TableShape[]>>();
  return (relations, kind) => {
    // An external directory has no tables of ours.
    if (relations.layout === 'external') return Promise.resolve([]);
    const key = `${relations.layout} ${kind}`;
    const tables = made.get(key) ?? expectedTables(directorySchema(relations), kind);
    made.set(key, tables);
    return tables;
  };
}
