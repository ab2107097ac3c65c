import { type QueryRunner, Table, type TableForeignKeyOptions, TableIndex, TableUnique } from 'typeorm';
import { columnsFor } from '../../../database/migration-columns.ts';

/**
 * The tables of a directory, in the order in which they are created: the owner comes first. They have foreign keys, because the tenant writes to this
 * database too.
 *
 * @param prefix of all names, also of indices and foreign keys
 */
export function directoryTables(runner: Pick<QueryRunner, 'dataSource'>, prefix: string): Table[] {
  const { ascii } = columnsFor(runner);
  const engine = 'InnoDB';
  const primary = { isPrimary: true };
  const link = (relation: string, first: Reference, second: Reference) => {
    const name = `${prefix}${relation}`;
    return new Table({
      name,
      engine,
      columns: [ascii(first.column, first.length, primary), ascii(second.column, second.length, primary)],
      foreignKeys: [foreignKey(name, first), foreignKey(name, second)],
      // For the foreign key, and for finding who has a role.
      indices: [new TableIndex({ name: `${name}_${second.column}`, columnNames: [second.column] })],
    });
  };
  const user: Reference = { column: 'user_id', length: 128, table: `${prefix}users`, key: 'id' };
  const role: Reference = { column: 'role_name', length: 128, table: `${prefix}roles`, key: 'name' };
  const scope: Reference = { column: 'scope_name', length: 128, table: `${prefix}scopes`, key: 'name' };
  const group: Reference = { column: 'group_name', length: 128, table: `${prefix}user_groups`, key: 'name' };
  return [
    new Table({ name: 'tessera_owner', engine, columns: [ascii('tenant_id', 64, primary)] }),
    new Table({
      name: `${prefix}scopes`,
      engine,
      columns: [ascii('name', 128, primary), ascii('resource', 128, { isNullable: true })],
    }),
    new Table({ name: `${prefix}roles`, engine, columns: [ascii('name', 128, primary)] }),
    new Table({ name: `${prefix}user_groups`, engine, columns: [ascii('name', 128, primary)] }),
    new Table({
      name: `${prefix}users`,
      engine,
      columns: [
        ascii('id', 128, primary),
        ascii('email', 254),
        ascii('email_canonical', 254),
        ascii('status', 16, { default: "'active'" }),
      ],
      uniques: [new TableUnique({ name: `${prefix}users_email`, columnNames: ['email_canonical'] })],
    }),
    new Table({
      name: `${prefix}user_identities`,
      engine,
      columns: [ascii('issuer', 512, primary), ascii('sub', 255, primary), ascii('user_id', 128)],
      foreignKeys: [foreignKey(`${prefix}user_identities`, user)],
      indices: [new TableIndex({ name: `${prefix}user_identities_user_id`, columnNames: ['user_id'] })],
    }),
    link('role_scopes', role, scope),
    link('user_group_roles', group, role),
    link('user_group_members', user, group),
    link('user_roles', user, role),
  ];
}

interface Reference {
  readonly column: string;
  readonly length: number;
  readonly table: string;
  readonly key: string;
}

function foreignKey(table: string, { column, table: referencedTableName, key }: Reference): TableForeignKeyOptions {
  return {
    name: `${table}_to_${referencedTableName}`,
    columnNames: [column],
    referencedTableName,
    referencedColumnNames: [key],
    onDelete: 'CASCADE',
  };
}
