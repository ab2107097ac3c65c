import type { PartialDatabase } from '../partial-tenants-file.ts';
import { Fields, integer, matching, oneOf, type Reader } from './read-fields.ts';
import type { SourceNode } from '../source-node.ts';

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

/** Reads the members that are written. Without `driver`, which of them it may have is known when it is merged with the present database. */
export const readDatabase: Reader<PartialDatabase> = (node, errors) => {
  const driver = driverOf(node);
  if (driver === 'sqlite') {
    const fields = Fields.open<'driver'>(node, 'a database of driver sqlite', ['driver'], errors);
    return fields === undefined ? undefined : { driver };
  }
  const fields = Fields.open(
    node,
    driver === 'mysql' ? 'a database of driver mysql' : 'a database',
    MYSQL_KEYS,
    errors,
  );
  if (fields === undefined) return undefined;
  const database = {
    driver: fields.optional('driver', oneOf(['sqlite', 'mysql'])),
    host: fields.optional('host', host),
    port: fields.member('port', integer(1, 65_535)),
    name: fields.optional('name', name),
  };
  const isInvalid = MYSQL_KEYS.some((key) => fields.source.has(key) && database[key] === undefined);
  return isInvalid ? undefined : database;
};

function driverOf(node: SourceNode): unknown {
  const driver = node.kind === 'map' ? node.entries.get('driver')?.value : undefined;
  return driver?.kind === 'scalar' ? driver.value : undefined;
}
