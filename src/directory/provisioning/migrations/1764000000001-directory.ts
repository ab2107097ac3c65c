import {
  type MigrationInterface,
  type QueryRunner,
  Table,
  type TableForeignKeyOptions,
  TableIndex,
  TableUnique,
} from 'typeorm';
import { columnsFor } from '../../../database/migration-columns.ts';

/**
 * Creates a tenant's directory. It has foreign keys, because the tenant writes to this database too.
 *
 * MySQL commits after every statement that changes a schema, so each step does nothing if a killed migration did it before.
 */
export class Directory1764000000001 implements MigrationInterface {
  readonly name = 'Directory1764000000001';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of tables(runner)) await runner.createTable(table, true);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of tables(runner).reverse()) await runner.dropTable(table, true);
  }
}

function tables(runner: QueryRunner): Table[] {
  const { ascii } = columnsFor(runner);
  const engine = 'InnoDB';
  const primary = { isPrimary: true };
  const link = (name: string, first: Reference, second: Reference) =>
    new Table({
      name,
      engine,
      columns: [ascii(first.column, first.length, primary), ascii(second.column, second.length, primary)],
      foreignKeys: [foreignKey(name, first), foreignKey(name, second)],
      // For the foreign key, and for finding who has a role.
      indices: [new TableIndex({ name: `${name}_${second.column}`, columnNames: [second.column] })],
    });
  const user: Reference = { column: 'user_id', length: 128, table: 'users', key: 'id' };
  const role: Reference = { column: 'role_name', length: 128, table: 'roles', key: 'name' };
  const scope: Reference = { column: 'scope_name', length: 128, table: 'scopes', key: 'name' };
  const group: Reference = { column: 'group_name', length: 128, table: 'user_groups', key: 'name' };
  return [
    new Table({ name: 'tessera_owner', engine, columns: [ascii('tenant_id', 64, primary)] }),
    new Table({
      name: 'scopes',
      engine,
      columns: [ascii('name', 128, primary), ascii('resource', 128, { isNullable: true })],
    }),
    new Table({ name: 'roles', engine, columns: [ascii('name', 128, primary)] }),
    new Table({ name: 'user_groups', engine, columns: [ascii('name', 128, primary)] }),
    new Table({
      name: 'users',
      engine,
      columns: [
        ascii('id', 128, primary),
        ascii('email', 254),
        ascii('email_canonical', 254),
        ascii('status', 16, { default: "'active'" }),
      ],
      uniques: [new TableUnique({ name: 'users_email', columnNames: ['email_canonical'] })],
    }),
    new Table({
      name: 'user_identities',
      engine,
      columns: [ascii('issuer', 512, primary), ascii('sub', 255, primary), ascii('user_id', 128)],
      foreignKeys: [foreignKey('user_identities', user)],
      indices: [new TableIndex({ name: 'user_identities_user_id', columnNames: ['user_id'] })],
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
