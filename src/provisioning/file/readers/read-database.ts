import type { TenantDatabase } from '../../../tenancy/tenant.ts';
import type { ValidationErrors } from '../validation-error.ts';
import type { NameRegistry } from './name-registry.ts';
import { complete, Fields, integer, matching, oneOf, type Reader } from './read-fields.ts';
import type { SourceNode } from '../yaml-source.ts';

type MysqlDatabase = Extract<TenantDatabase, { driver: 'mysql' }>;

const MYSQL_KEYS = ['driver', 'host', 'port', 'name'] as const;

const host = matching(
  (text) => (/^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|[0-9a-f:]{2,39})$/.test(text) ? text : undefined),
  'a host name or an IP address',
);
// Characters that need no escaping in a quoted SQL name.
const name = matching(
  (text) => (/^[A-Za-z0-9_$-]{1,64}$/.test(text) ? text : undefined),
  'a database name: 1 to 64 letters, digits, "_", "$" and "-"',
);

/** @param tenants declarations of the file so far: two tenants must not share a database */
export function readDatabase(tenants: NameRegistry): Reader<TenantDatabase> {
  return (node, errors) => {
    if (driverOf(node) !== 'mysql') return readSqlite(node, errors);
    const database = readMysql(node, errors);
    if (database !== undefined) {
      const address = `${database.host.toLowerCase()}:${database.port}/${database.name}`;
      tenants.declare('database', address, node.at, 'another tenant has this database: each tenant needs its own');
    }
    return database;
  };
}

function driverOf(node: SourceNode): unknown {
  const driver = node.kind === 'map' ? node.entries.get('driver')?.value : undefined;
  return driver?.kind === 'scalar' ? driver.value : undefined;
}

/** Reads everything whose driver is not `mysql`, and so also reports a missing or wrong driver. */
function readSqlite(node: SourceNode, errors: ValidationErrors): TenantDatabase | undefined {
  const sqlite = driverOf(node) === 'sqlite';
  const fields = sqlite
    ? Fields.open<'driver'>(node, 'a database of driver sqlite', ['driver'], errors)
    : Fields.open(node, 'a database', MYSQL_KEYS, errors);
  const driver = fields?.required('driver', oneOf(['sqlite', 'mysql']), 'write "driver: sqlite" or "driver: mysql"');
  return driver === 'sqlite' ? { driver } : undefined;
}

function readMysql(node: SourceNode, errors: ValidationErrors): MysqlDatabase | undefined {
  const fields = Fields.open(node, 'a database of driver mysql', MYSQL_KEYS, errors);
  if (fields === undefined) return undefined;
  return complete<MysqlDatabase>({
    driver: 'mysql',
    host: fields.required('host', host, 'write the host of the database server'),
    port: fields.optional('port', integer(1, 65_535), 3306),
    name: fields.required('name', name, 'write the name of the database'),
  });
}
