import { causeOf, type TesseraError } from '../errors/tessera-error.ts';
import { type DatabaseFailureReason, reasonOfFailure } from './database-failure.ts';
import { type DatabaseAddress, type DatabaseSite, siteOf } from './database-site.ts';
import { deniedAccount } from './denied-account.ts';
import { PREPARED_STATEMENTS } from './mysql/pool/prepared-statements.ts';

/** The names that a message about a database server may contain. */
interface Place extends DatabaseAddress {
  /** Where host, port and database are configured. */
  readonly address: string;
  /** Where user and password are configured. */
  readonly credentials: string;
  /** The setting that limits this process's connections. */
  readonly poolSetting: string;
  /** The account as the server sees it, e.g. `'tessera'@'10.0.0.7'`. */
  readonly account: string;
  /** The address as the server sees it, or `%`, for SQL statements. */
  readonly from: string;
}

type Fix = string | ((place: Place) => string);

/** Grants to the account with host `%`: only the user itself can learn from the server which of several accounts matched. */
const grantAll = ({ database, username }: Place): string =>
  `GRANT ALL PRIVILEGES ON ${database === undefined ? '*' : quotedName(database)}.* TO ${quoted(username)}@'%'`;

/** The fix for each failure of a database server. A reason without a row does not compile. */
const FIXES: Readonly<Record<Exclude<DatabaseFailureReason, SessionReason>, Fix>> = {
  'connection refused': ({ host, port, address }) =>
    `Nothing listens on ${host}:${port}: start the server, or correct host and port in ${address}`,
  'unknown host': ({ host, address }) =>
    `No address was found for the name ${host}: correct the host in ${address}, or the entry of the name server`,
  'host is not reachable': ({ host, address }) =>
    `The network has no route to ${host}: check routes and firewalls, or correct the host in ${address}`,
  'connection lost':
    'The server or a proxy closed the connection: see the log of the server and the idle timeouts of proxies',
  'no answer in time': ({ host, port }) =>
    `${host}:${port} does not answer, or answers too slowly: look for a firewall that drops packets, for locks and for load on the server`,
  'access denied': ({ account, credentials, username, from }) =>
    `The server refuses ${account} with this password: correct user and password in ${credentials}, and check with SELECT user, host FROM mysql.user that an account ${quoted(username)} exists for ${quoted(from)} or '%'. An anonymous user of that host, as MariaDB may have for 'localhost', is taken before ${quoted(username)}@'%': remove it with DROP USER ''@'localhost'`,
  'this host is not allowed': ({ username, from }) =>
    `The server accepts no connection from this machine: make an account for its address (CREATE USER ${quoted(username)}@${quoted(from)} …), and after many broken logins run FLUSH HOSTS`,
  'login method is not supported': ({ username }) =>
    `The account ${username} logs in by a plugin that is not supported here: give it mysql_native_password on MariaDB, caching_sha2_password on MySQL`,
  'no TLS': ({ host }) =>
    `One side requires TLS and the other does not offer it: set up TLS on ${host}; only where the network is as safe as the machine, set TESSERA_DANGEROUSLY_ALLOW_PLAINTEXT_DATABASE=true`,
  'certificate refused': ({ host, address }) =>
    `The certificate of the server is not valid for ${host}: give the server one for this name, name the host in ${address} as the certificate does, or add the authority that signed it to NODE_EXTRA_CA_CERTS`,
  'no access to the database': (place) =>
    `${place.account} may not use the database, or it is not there: let the administrator of the server run ${grantAll(place)}, or correct the name in ${place.address}`,
  'permission is missing': (place) =>
    `${place.account} may not do everything there that is needed, perhaps only SELECT: let the administrator of the server run ${grantAll(place)}`,
  'out of connections': ({ host, port, poolSetting }) =>
    `All connections of ${host}:${port} are in use: raise max_connections there, or lower ${poolSetting} of the running servers`,
  'out of connections of the user': ({ username, poolSetting }) =>
    `${username} has as many connections as it may: raise max_user_connections, or the limit of the account (ALTER USER ${quoted(username)}@'%' WITH MAX_USER_CONNECTIONS 0), or lower ${poolSetting} of the running servers`,
  'out of prepared statements': `The server cannot prepare more statements: raise max_prepared_stmt_count there, to at least ${PREPARED_STATEMENTS.control} for each connection to the control database and ${PREPARED_STATEMENTS.tenant} for each to a tenant's`,
  'statement too large': 'Raise max_allowed_packet on the server to 16M or more',
  'database does not exist': ({ database = '', host, port, address }) =>
    `Create it on ${host}:${port} with CREATE DATABASE ${quotedName(database)} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, or correct the name in ${address}`,
  'schema is missing': 'Run: tessera migrate',
  busy: 'Other sessions hold locks: find long-running statements with SHOW FULL PROCESSLIST and stop them',
  'read only': ({ address }) =>
    `The server accepts no writes: it is a replica, or is handing over to another server. Let ${address} lead to the primary`,
  'not ready': ({ address }) =>
    `The server is a node that has not joined its cluster: wait until it has, or let ${address} lead to another node`,
  'collations differ':
    'A view there computes a text whose collation is not that of our statements: give its columns an explicit one, such as COLLATE utf8mb4_bin',
  'disk full': ({ host }) => `Free disk space on ${host}`,
  damaged: ({ host }) => `Tables are damaged: see the log of the server, and restore them on ${host} from a backup`,
  'constraint violated':
    'A row exists already, or a row that it refers to is missing: the database was changed by hand. Apply the tenants file again to see what differs',
  'init_connect failed': ({ username }) =>
    `The server closes every connection of ${username}, because the statement of its init_connect fails for that user: correct it, or empty it with SET GLOBAL init_connect = ''`,
  'answer is too large':
    'The database holds more or longer values than a directory may have: let its operator correct it',
  'answer is malformed':
    'Something other than MySQL or MariaDB answers, or the server is broken: check what listens there, and the log of the server',
  'no such connection': 'The connection was closed already: see the log of the server',
  'connection of another user': 'A connection of another user cannot be ended: see the log of the server',
  'query failed':
    'The server refused a statement that others accept: see its log, and check that it is MariaDB 10.6 or MySQL 8.0, or later',
};

type SessionReason = Extract<DatabaseFailureReason, `the server does not keep our session's ${string}`>;

const SESSION_FIX: Fix = ({ address }) =>
  `Something between Tessera and the server, such as a proxy, changes session settings: let ${address} lead to the server itself, or let the proxy pass SET statements`;

/** Explains a failed database and its fix to the operator. Each text is one line without a full stop. */
export interface DatabaseExplanation {
  /** Tenant, user and server, as far as they are known. */
  readonly about: string | undefined;
  readonly fix: string | undefined;
}

export function explainDatabase(failure: TesseraError): DatabaseExplanation {
  const site = siteOf(failure);
  const reason = reasonOfFailure(failure);
  const place = site?.server === undefined ? undefined : placeOf(site, site.server, causeOf(failure));
  return { about: site === undefined ? undefined : aboutOf(site, place), fix: fixOf(reason, place) };
}

function fixOf(reason: DatabaseFailureReason | undefined, place: Place | undefined): string | undefined {
  if (reason === undefined || place === undefined) return undefined;
  const fix = isSessionReason(reason) ? SESSION_FIX : FIXES[reason];
  return typeof fix === 'string' ? fix : fix(place);
}

function isSessionReason(reason: DatabaseFailureReason): reason is SessionReason {
  return !Object.hasOwn(FIXES, reason);
}

function placeOf({ tenantId }: DatabaseSite, server: DatabaseAddress, cause: unknown): Place {
  const seen = deniedAccount(cause, server.username);
  const account = seen === undefined ? quoted(server.username) : `${quoted(seen.user)}@${quoted(seen.host)}`;
  const common = { ...server, account, from: seen?.host ?? '%' };
  return tenantId === undefined
    ? {
        ...common,
        address: 'DATABASE_URL',
        credentials: 'DATABASE_URL',
        poolSetting: 'TESSERA_CONTROL_POOL_SIZE',
      }
    : {
        ...common,
        address: `\`database\` of tenant ${tenantId} in the tenants file`,
        credentials: `Vault at database/${tenantId}`,
        poolSetting: 'TESSERA_TENANT_CONNECTIONS_EACH',
      };
}

function aboutOf({ tenantId }: DatabaseSite, place: Place | undefined): string | undefined {
  const parts = [
    ...(tenantId === undefined ? [] : [`tenant ${tenantId}`]),
    ...(place === undefined ? [] : [`user ${place.account}`, whereOf(place)]),
  ];
  return parts.length === 0 ? undefined : parts.join(', ');
}

function whereOf({ database, host, port }: Place): string {
  return database === undefined ? `${host}:${port}` : `database ${database} on ${host}:${port}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function quotedName(text: string): string {
  return `\`${text.replaceAll('`', '``')}\``;
}
