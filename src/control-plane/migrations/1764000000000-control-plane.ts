import { type MigrationInterface, type QueryRunner, Table, TableIndex, TableUnique } from 'typeorm';
import { columnsFor } from '../../database/migration-columns.ts';

/**
 * Creates the control plane. MySQL commits after every statement that changes a schema, so a killed migration leaves its first tables. Each step
 * therefore does nothing if it was done before.
 */
export class ControlPlane1764000000000 implements MigrationInterface {
  readonly name = 'ControlPlane1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of tables(runner)) await runner.createTable(table, true);
    const rows = (await runner.query('SELECT id FROM change_sequence')) as unknown[];
    if (rows.length === 0) await runner.query('INSERT INTO change_sequence (id, value) VALUES (1, 0)');
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of tables(runner).reverse()) await runner.dropTable(table, true);
  }
}

function tables(runner: QueryRunner): Table[] {
  const { ascii, text, integer, bigint, serial } = columnsFor(runner);
  const tenantId = ascii('tenant_id', 64, { isPrimary: true });
  const nullable = { isNullable: true };
  const engine = 'InnoDB';
  return [
    new Table({
      name: 'tenants',
      engine,
      columns: [
        ascii('id', 64, { isPrimary: true }),
        bigint('version'),
        text('name'),
        ascii('status', 16),
        bigint('removed_at_ms', nullable),
        ascii('database_driver', 16),
        ascii('database_host', 255, nullable),
        integer('database_port', nullable),
        ascii('database_name', 64, nullable),
        ascii('token_algorithm', 16),
        integer('token_ttl_seconds'),
      ],
      indices: [new TableIndex({ name: 'tenants_version', columnNames: ['version'] })],
    }),
    new Table({
      name: 'projects',
      engine,
      columns: [tenantId, ascii('id', 64, { isPrimary: true }), text('name'), ascii('status', 16)],
    }),
    new Table({
      name: 'clients',
      engine,
      columns: [
        tenantId,
        ascii('project_id', 64, { isPrimary: true }),
        ascii('id', 64, { isPrimary: true }),
        ascii('status', 16),
        text('policy'),
        text('surfaces'),
        ascii('audience', 2048),
        text('scopes'),
        text('subjects'),
        integer('ttl_seconds', nullable),
      ],
    }),
    new Table({
      name: 'trusts',
      engine,
      columns: [
        tenantId,
        ascii('id', 64, { isPrimary: true }),
        ascii('issuer', 512),
        ascii('jwks_uri', 2048, nullable),
        text('audiences'),
        text('algorithms'),
        text('conditions'),
        text('subject'),
        text('clients'),
        text('surfaces'),
        integer('max_age_seconds'),
        integer('max_lifetime_seconds'),
      ],
    }),
    new Table({
      name: 'administrators',
      engine,
      columns: [
        tenantId,
        ascii('id', 128, { isPrimary: true }),
        ascii('email', 254),
        ascii('email_canonical', 254),
        ascii('status', 16),
        text('roles'),
        text('scopes'),
      ],
      uniques: [new TableUnique({ name: 'administrators_email', columnNames: ['tenant_id', 'email_canonical'] })],
    }),
    new Table({
      name: 'administrator_identities',
      engine,
      columns: [
        tenantId,
        ascii('issuer', 512, { isPrimary: true }),
        ascii('sub', 255, { isPrimary: true }),
        ascii('administrator_id', 128),
      ],
    }),
    new Table({
      name: 'audit_records',
      engine,
      columns: [
        serial('id'),
        bigint('at_ms'),
        ascii('request_id', 128),
        ascii('route', 128),
        ascii('source', 64),
        ascii('outcome', 64),
        ascii('reason', 255, nullable),
        ascii('tenant_id', 64, nullable),
        ascii('project_id', 64, nullable),
        ascii('client_id', 64, nullable),
        ascii('subject_id', 128, nullable),
        ascii('token_id', 128, nullable),
        ascii('key_id', 128, nullable),
        ascii('secret_id', 128, nullable),
      ],
      indices: [new TableIndex({ name: 'audit_records_at', columnNames: ['at_ms'] })],
    }),
    new Table({
      name: 'secret_uses',
      engine,
      columns: [
        tenantId,
        ascii('project_id', 64, { isPrimary: true }),
        ascii('client_id', 64, { isPrimary: true }),
        ascii('secret_id', 128, { isPrimary: true }),
        bigint('last_used_at_ms'),
      ],
    }),
    new Table({
      name: 'change_sequence',
      engine,
      columns: [integer('id', { isPrimary: true }), bigint('value')],
    }),
  ];
}
