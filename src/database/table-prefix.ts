import { type DataSourceOptions, DefaultNamingStrategy } from 'typeorm';
import type { Schema } from './schema.ts';

/** Adds the prefix to every table of a schema that does not have it already. */
class PrefixedTables extends DefaultNamingStrategy {
  override prefixTableName(prefix: string, name: string): string {
    return name.startsWith(prefix) ? name : `${prefix}${name}`;
  }
}

/** TypeORM's options for a schema whose tables have a prefix. */
export function tablePrefixOptions({
  tablePrefix,
}: Schema): Partial<Pick<DataSourceOptions, 'entityPrefix' | 'namingStrategy'>> {
  return tablePrefix === undefined ? {} : { entityPrefix: tablePrefix, namingStrategy: new PrefixedTables() };
}
