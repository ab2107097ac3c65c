import type { Secret } from './secret.ts';

/** Nest's injection token for the `Config` interface: `@Inject(CONFIG) config: Config`. */
export const CONFIG = Symbol('Config');

/** The whole configuration, frozen. Only `loadConfig` makes it; nothing else reads the environment. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** The base of every issuer: `<publicUrl>/tenants/<tenant_id>`. No trailing slash. Never taken from a request. */
  readonly publicUrl: string;
  readonly logLevel: LogLevel;
  /** Absolute path of the embedded stores. */
  readonly dataDirectory: string;
  readonly controlDatabase: ControlDatabaseConfig;
  readonly vault: VaultConfig;
  /** `REDIS_URL`, a secret because it may hold a password. Absent: each process counts failed attempts for itself. */
  readonly redisUrl: Secret | undefined;
  /** True when an OTLP endpoint is configured by the standard `OTEL_*` variables, which the OpenTelemetry SDK reads itself. */
  readonly telemetry: boolean;
  /** Whether the API documentation is served. */
  readonly apiDocs: boolean;
  /** Exact `host:port` pairs that trusted issuers may use although they are loopback or private. Development and tests only. */
  readonly federationAllowedHosts: readonly string[];
  /** Exact names of hosts that trusted issuers may use over https although their addresses are private. */
  readonly federationPrivateHosts: readonly string[];
  /** `HTTPS_PROXY` and `NO_PROXY`, for connections to trusted issuers. Absent: direct connections. */
  readonly federationProxy: ForwardProxyConfig | undefined;
  /** Addresses or CIDR blocks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Addresses or CIDR blocks, besides loopback, that may read `/metrics`. */
  readonly metricsNetworks: readonly string[];
  readonly limits: LimitsConfig;
  readonly caches: CachesConfig;
  readonly connections: ConnectionsConfig;
  readonly audit: AuditConfig;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export type ControlDatabaseConfig =
  | { readonly driver: 'sqlite' }
  | {
      readonly driver: 'mysql';
      readonly host: string;
      readonly port: number;
      readonly username: string;
      readonly password: Secret;
      readonly database: string;
      /** Connections of this process to the control plane. */
      readonly poolSize: number;
    };

export interface ForwardProxyConfig {
  /** Scheme, host and port. */
  readonly origin: string;
  /** The value of the header `Proxy-Authorization`. */
  readonly authorization: Secret | undefined;
  /** Hosts that are reached directly, as in `NO_PROXY`. */
  readonly exceptions: readonly string[];
}

export type VaultConfig =
  | { readonly kind: 'embedded' }
  | {
      readonly kind: 'vault';
      /** `VAULT_ADDR`, e.g. `https://vault.example:8200`. */
      readonly address: string;
      readonly auth: VaultAuth;
      readonly namespace: string | undefined;
      readonly mount: string;
      /** Time limit of one operation, retries included. */
      readonly timeoutMs: number;
      readonly maxConcurrency: number;
    };

export type VaultAuth =
  | { readonly method: 'token'; readonly token: Secret }
  | { readonly method: 'approle'; readonly roleId: string; readonly secretId: Secret };

export interface LimitsConfig {
  /** Failures per minute and (source, client) before 429. A source with ten times as many over all clients is slowed. */
  readonly failuresPerMinute: number;
  /** The largest compact token that is issued, bytes. */
  readonly tokenBytes: number;
}

export interface CachesConfig {
  readonly grantsSeconds: number;
  readonly grantsEntries: number;
  /** Maximum age of what was read from Vault: client secrets and key rings. */
  readonly vaultSeconds: number;
  /** How often a server asks the control plane for changes. Below 2 s, the promised delay of a change. */
  readonly changePollMs: number;
  /** Tenant snapshots kept in memory. */
  readonly tenants: number;
  /** Maximum age of a snapshot; an older one is read again even if no change was announced. */
  readonly tenantSeconds: number;
}

export interface ConnectionsConfig {
  /** Connections of one process to all tenants' databases together. */
  readonly tenantBudget: number;
  /** Connections of one process to one tenant's database, so that a busy tenant cannot starve the others. */
  readonly perTenant: number;
  /** Time limit of waiting for a free connection, then 503. */
  readonly waitMs: number;
  /** Time limit of connecting and of one query, then 503. */
  readonly timeoutMs: number;
  readonly idleSeconds: number;
  /** Allows connections without TLS to databases on other hosts: passwords and grants then cross the network in plain text. */
  readonly dangerouslyAllowPlaintext: boolean;
}

export interface AuditConfig {
  /** Records older than this are removed; 0 keeps them forever. */
  readonly retentionDays: number;
}
