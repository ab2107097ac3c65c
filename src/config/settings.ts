import type { Setting } from './setting.ts';
import {
  baseUrl,
  flag,
  hostNames,
  hostPorts,
  listenAddress,
  matching,
  mysqlUrl,
  networks,
  oneOf,
  proxyExceptions,
  proxyUrl,
  redisUrl,
  secret,
  wholeNumber,
} from './setting-types.ts';

/** Every setting of the service. The parser, the check for unknown names and the table in docs/operation.md are built from this table. */
export const SETTINGS = {
  HOST: {
    description: 'Address that the server listens on.',
    fallback: '127.0.0.1',
    ...listenAddress,
  },
  PORT: {
    description: 'Port that the server listens on; 0 takes a free one and needs `PUBLIC_URL`.',
    fallback: '3000',
    ...wholeNumber(0, 65_535),
  },
  PUBLIC_URL: {
    description:
      'Base of every issuer (`<PUBLIC_URL>/tenants/<tenant_id>`) as other services reach it. Never taken from a request. Changing it invalidates every token.',
    absent: '`http://localhost:<PORT>`',
    ...baseUrl,
  },
  LOG_LEVEL: {
    description: 'Least severe level that is logged.',
    fallback: 'info',
    ...oneOf(['debug', 'info', 'warn', 'error', 'silent']),
  },
  DATABASE_URL: {
    description: 'Control database (MySQL or MariaDB): `mysql://user:password@host:port/name`.',
    absent: 'embedded SQLite',
    secret: true,
    ...mysqlUrl,
  },
  VAULT_ADDR: {
    description: 'HashiCorp Vault or OpenBao.',
    absent: 'embedded encrypted store',
    ...baseUrl,
  },
  VAULT_TOKEN: {
    description: 'Login by token. The server renews the token.',
    absent: 'login by AppRole',
    secret: true,
    ...secret,
  },
  VAULT_ROLE_ID: {
    description: 'Login by AppRole.',
    absent: 'login by token',
    ...matching(/^[\x21-\x7e]{1,512}$/, 'printable ASCII without spaces'),
  },
  VAULT_SECRET_ID: {
    description: 'The other half of the AppRole.',
    absent: 'login by token',
    secret: true,
    ...secret,
  },
  VAULT_NAMESPACE: {
    description: 'Vault namespace.',
    absent: 'the root namespace',
    ...matching(/^[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_-]+)*\/?$/, 'names of letters, digits, - and _, separated by /'),
  },
  VAULT_KV_MOUNT: {
    description: 'Mount of the KV version 2 engine.',
    fallback: 'kv',
    ...matching(/^[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_-]+)*$/, 'names of letters, digits, - and _, separated by /'),
  },
  REDIS_URL: {
    description: 'Redis, through which replicas share their counts of failed attempts.',
    absent: 'each process counts for itself',
    secret: true,
    ...redisUrl,
  },
  TESSERA_DATA_DIR: {
    description: 'Folder of the embedded stores, relative to the working directory.',
    fallback: './data',
    ...matching(/^[^\0]{1,1024}$/, 'a path'),
  },
  TESSERA_API_DOCS: {
    description:
      'Whether the server serves the API documentation at `/docs` and `/docs-json`. If not, these paths answer 404.',
    fallback: 'on',
    ...oneOf(['on', 'off']),
  },
  TESSERA_TRUSTED_PROXIES: {
    description:
      'Addresses or CIDR blocks of proxies whose `X-Forwarded-For` and `X-Request-Id` are believed, comma-separated. A request from such a proxy that names no caller belongs to no network.',
    fallback: '',
    mayBeEmpty: true,
    ...networks,
  },
  TESSERA_METRICS_NETWORKS: {
    description: 'Addresses or CIDR blocks that may read `/metrics`, besides loopback, comma-separated.',
    fallback: '',
    mayBeEmpty: true,
    ...networks,
  },
  TESSERA_FEDERATION_ALLOWED_HOSTS: {
    description:
      'Development only: exact `host:port` pairs, comma-separated, that trusted issuers may use although they are loopback or private, plain HTTP included.',
    fallback: '',
    mayBeEmpty: true,
    ...hostPorts,
  },
  TESSERA_FEDERATION_PRIVATE_HOSTS: {
    description:
      'Exact names of hosts in your own network that trusted issuers may use although their addresses are private (RFC 1918, RFC 4193) or the name has no dot. Https only; loopback, link-local and metadata addresses stay refused.',
    fallback: '',
    mayBeEmpty: true,
    ...hostNames,
  },
  HTTPS_PROXY: {
    description:
      'Forward proxy for https connections to trusted issuers: `http://[user:password@]host[:port]`. `https_proxy` has the same meaning and comes first.',
    fallback: '',
    mayBeEmpty: true,
    secret: true,
    ...proxyUrl,
  },
  NO_PROXY: {
    description:
      'Hosts that are reached without the proxy, with all names below them: `name`, `name:port` or an address, comma-separated; `*` for all. `no_proxy` has the same meaning and comes first.',
    fallback: '',
    mayBeEmpty: true,
    ...proxyExceptions,
  },
  TESSERA_DANGEROUSLY_ALLOW_PLAINTEXT_VAULT: {
    description:
      'Allows a plain `http:` `VAULT_ADDR` whose host is not loopback: every secret then crosses the network in plain text.',
    fallback: 'false',
    ...flag,
  },
  TESSERA_DANGEROUSLY_ALLOW_PLAINTEXT_DATABASE: {
    description:
      'Allows connections without TLS to databases on hosts that are not loopback, the control database and tenants’ databases alike: passwords and grants can then be read and changed on the network.',
    fallback: 'false',
    ...flag,
  },
  TESSERA_FAILURES_PER_MINUTE: {
    description:
      'Failed attempts per minute for one source and one client before 429, and as many refused requests per minute for each target that an authenticated client asks for. A source with ten times as many over all clients is slowed.',
    fallback: '20',
    ...wholeNumber(1, 100_000),
  },
  TESSERA_TOKEN_MAX_BYTES: {
    description: 'Size budget of an issued token, bytes. Many servers take headers of 8 KiB in all.',
    fallback: '6144',
    ...wholeNumber(1024, 8192),
  },
  TESSERA_GRANTS_CACHE_SECONDS: {
    description: 'Maximum age of roles, groups, scopes and resources in memory; 0 reads them for every token.',
    fallback: '5',
    ...wholeNumber(0, 300),
  },
  TESSERA_GRANTS_CACHE_ENTRIES: {
    description: 'Subjects whose grants are kept in memory, for each surface.',
    absent: 'ten for each tenant of `TESSERA_TENANT_CACHE_ENTRIES`',
    ...wholeNumber(1, 1_000_000),
  },
  TESSERA_VAULT_CACHE_SECONDS: {
    description: 'Maximum age of client secrets and signing keys in memory.',
    fallback: '30',
    ...wholeNumber(1, 300),
  },
  TESSERA_VAULT_TIMEOUT_MS: {
    description: 'Time limit of one Vault operation, retries included, before 503.',
    fallback: '2000',
    ...wholeNumber(100, 2500),
  },
  TESSERA_VAULT_CONCURRENCY: {
    description: 'Concurrent Vault operations.',
    fallback: '16',
    ...wholeNumber(1, 256),
  },
  TESSERA_CHANGE_POLL_MS: {
    description: 'How often the control database is asked for changes. A change takes effect within 2 s.',
    fallback: '500',
    ...wholeNumber(50, 1500),
  },
  TESSERA_TENANT_CACHE_ENTRIES: {
    description:
      'Tenants kept in memory with their key rings and the credentials of their databases. Other caches follow: for each tenant the secrets of ten clients, the grants of ten subjects and the keys of one trusted issuer.',
    fallback: '2000',
    ...wholeNumber(1, 100_000),
  },
  TESSERA_TENANT_CACHE_SECONDS: {
    description: 'Maximum age of a tenant in memory while the control database does not answer; then 503.',
    fallback: '60',
    ...wholeNumber(2, 3600),
  },
  TESSERA_CONTROL_POOL_SIZE: {
    description: 'Connections of one process to the control database.',
    fallback: '10',
    ...wholeNumber(2, 200),
  },
  TESSERA_TENANT_CONNECTIONS: {
    description: 'Connections of one process to all tenants’ databases together.',
    fallback: '100',
    ...wholeNumber(1, 10_000),
  },
  TESSERA_TENANT_CONNECTIONS_EACH: {
    description: 'Connections of one process to one tenant’s database.',
    fallback: '4',
    ...wholeNumber(1, 100),
  },
  TESSERA_CONNECTION_WAIT_MS: {
    description: 'Time limit of waiting for a free connection before 503.',
    fallback: '1000',
    ...wholeNumber(10, 2500),
  },
  TESSERA_DATABASE_TIMEOUT_MS: {
    description: 'Time limit of connecting to a database and of one query before 503.',
    fallback: '1500',
    ...wholeNumber(100, 2500),
  },
  TESSERA_CONNECTION_IDLE_SECONDS: {
    description: 'A tenant’s connections are closed after so long without use.',
    fallback: '60',
    ...wholeNumber(1, 3600),
  },
  TESSERA_AUDIT_RETENTION_DAYS: {
    description: 'Audit records older than this are removed; 0 keeps them forever.',
    fallback: '90',
    ...wholeNumber(0, 3650),
  },
} as const satisfies Readonly<Record<string, Setting<unknown>>>;
