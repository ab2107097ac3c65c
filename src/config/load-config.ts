import { join, resolve } from 'node:path';
import { isLoopbackHost } from '../domain/networks.ts';
import type { Config, ControlDatabaseConfig, ForwardProxyConfig, VaultAuth, VaultConfig } from './config.ts';
import { ConfigurationError } from './configuration-error.ts';
import { readEnvFile } from './env-file.ts';
import type { Setting, SettingValues } from './setting.ts';
import { SETTINGS } from './settings.ts';

/** Grants that are kept for each tenant that is kept, unless the setting says otherwise. */
const SUBJECTS_OF_A_TENANT = 10;

export type Environment = Readonly<Record<string, string | undefined>>;
type Values = SettingValues<typeof SETTINGS>;

/**
 * The configuration of this process: its environment, and `.env` of the working directory for what the environment does not set. `.env` is put into
 * the environment itself, because the OpenTelemetry SDK reads its `OTEL_*` there.
 */
export function loadProcessConfig(): Config {
  for (const [name, value] of Object.entries(readEnvFile(join(process.cwd(), '.env')))) process.env[name] ??= value;
  return loadConfig(process.env, { cwd: process.cwd() });
}

/**
 * @param options.cwd the folder of `.env`, and the base of relative paths
 * @throws ConfigurationError with all errors at once
 */
export function loadConfig(env: Environment, options: { readonly cwd: string }): Config {
  const merged = withProxyNames({ ...readEnvFile(join(options.cwd, '.env')), ...withoutUndefined(env) });
  const errors = unknownNames(merged);
  const values = parseAll(merged, errors);
  // Rules between settings make sense only when each setting is valid by itself.
  if (values !== undefined) checkTogether(values, merged, errors);
  if (values === undefined || errors.length > 0) throw new ConfigurationError(errors);
  return toConfig(values, merged, options.cwd);
}

function withoutUndefined(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));
}

/** Other programs read these names in lower case first, and many systems set only those. */
function withProxyNames(env: Record<string, string | undefined>): Environment {
  const { https_proxy: proxy, no_proxy: exceptions } = env;
  return {
    ...env,
    ...(proxy === undefined ? {} : { HTTPS_PROXY: proxy }),
    ...(exceptions === undefined ? {} : { NO_PROXY: exceptions }),
  };
}

/** A mistyped name would silently leave a limit at its default. `TESSERA_TEST_*` belongs to the test suite, which starts servers. */
function unknownNames(env: Environment): string[] {
  return Object.keys(env)
    .filter(
      (name) => name.startsWith('TESSERA_') && !name.startsWith('TESSERA_TEST_') && !Object.hasOwn(SETTINGS, name),
    )
    .sort()
    .map((name) => `${name} is not a setting: see the table in docs/operation.md`);
}

function parseAll(env: Environment, errors: string[]): Values | undefined {
  const values: Record<string, unknown> = {};
  const before = errors.length;
  for (const [name, setting] of Object.entries<Setting<unknown>>(SETTINGS)) {
    const text = env[name] ?? setting.fallback;
    if (text === undefined) continue;
    if (text === '' && setting.mayBeEmpty !== true) {
      errors.push(`${name} is set but empty: remove it, or make it ${setting.expected}`);
      continue;
    }
    const value = setting.parse(text);
    if (value === undefined) errors.push(`${name} must be ${setting.expected}`);
    else values[name] = value;
  }
  // The loop parsed every row, so the values have the types of the table.
  return errors.length === before ? (values as Values) : undefined;
}

function checkTogether(values: Values, env: Environment, errors: string[]): void {
  if (values.PORT === 0 && values.PUBLIC_URL === undefined)
    errors.push('PUBLIC_URL must be set when PORT is 0: the issuer would be unknown otherwise');

  const { VAULT_ADDR, VAULT_TOKEN, VAULT_ROLE_ID, VAULT_SECRET_ID } = values;
  if (VAULT_ADDR === undefined) {
    // Credentials without an address mean a forgotten VAULT_ADDR. Starting on the embedded store would look like success.
    for (const name of ['VAULT_TOKEN', 'VAULT_ROLE_ID', 'VAULT_SECRET_ID', 'VAULT_NAMESPACE'] as const)
      if (values[name] !== undefined) errors.push(`VAULT_ADDR must be set when ${name} is: or remove ${name}`);
  } else {
    const byRole = VAULT_ROLE_ID !== undefined || VAULT_SECRET_ID !== undefined;
    if (VAULT_TOKEN !== undefined && byRole)
      errors.push('VAULT_TOKEN must be absent when VAULT_ROLE_ID or VAULT_SECRET_ID is set: choose one login');
    else if (VAULT_TOKEN === undefined && (VAULT_ROLE_ID === undefined || VAULT_SECRET_ID === undefined))
      errors.push('VAULT_ADDR needs a login: set VAULT_TOKEN, or both VAULT_ROLE_ID and VAULT_SECRET_ID');
    if (isPlaintextToElsewhere(VAULT_ADDR) && !values.TESSERA_DANGEROUSLY_ALLOW_PLAINTEXT_VAULT)
      errors.push('VAULT_ADDR must be https: unless its host is loopback');
  }

  if (values.TESSERA_TENANT_CONNECTIONS_EACH > values.TESSERA_TENANT_CONNECTIONS)
    errors.push('TESSERA_TENANT_CONNECTIONS must be at least TESSERA_TENANT_CONNECTIONS_EACH');
  // An outage is answered with 503 within 3 s. Waiting for a connection and using it add up.
  if (values.TESSERA_CONNECTION_WAIT_MS + values.TESSERA_DATABASE_TIMEOUT_MS > 2800)
    errors.push('TESSERA_CONNECTION_WAIT_MS and TESSERA_DATABASE_TIMEOUT_MS must be 2800 or less together');

  const protocol = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ?? env['OTEL_EXPORTER_OTLP_PROTOCOL'] ?? 'http/json';
  if (hasTelemetryEndpoint(env) && protocol !== 'http/json')
    errors.push('OTEL_EXPORTER_OTLP_PROTOCOL must be http/json: collectors take it on the port of http/protobuf');
}

/** Whether the address is plain HTTP to another machine. */
export function isPlaintextToElsewhere(address: string): boolean {
  const url = new URL(address);
  return url.protocol === 'http:' && !isLoopbackHost(url.hostname);
}

function hasTelemetryEndpoint(env: Environment): boolean {
  const endpoint = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? '';
  return endpoint !== '' && env['OTEL_SDK_DISABLED'] !== 'true' && env['OTEL_TRACES_EXPORTER'] !== 'none';
}

function toConfig(values: Values, env: Environment, cwd: string): Config {
  return deepFreeze({
    host: values.HOST,
    port: values.PORT,
    publicUrl: values.PUBLIC_URL ?? `http://localhost:${values.PORT}`,
    logLevel: values.LOG_LEVEL,
    dataDirectory: resolve(cwd, values.TESSERA_DATA_DIR),
    controlDatabase: controlDatabase(values),
    vault: vault(values),
    redisUrl: values.REDIS_URL,
    telemetry: hasTelemetryEndpoint(env),
    apiDocs: values.TESSERA_API_DOCS === 'on',
    federationAllowedHosts: values.TESSERA_FEDERATION_ALLOWED_HOSTS,
    federationPrivateHosts: values.TESSERA_FEDERATION_PRIVATE_HOSTS,
    federationProxy: forwardProxy(values),
    trustedProxies: values.TESSERA_TRUSTED_PROXIES,
    metricsNetworks: values.TESSERA_METRICS_NETWORKS,
    limits: { failuresPerMinute: values.TESSERA_FAILURES_PER_MINUTE, tokenBytes: values.TESSERA_TOKEN_MAX_BYTES },
    caches: {
      grantsSeconds: values.TESSERA_GRANTS_CACHE_SECONDS,
      grantsEntries: values.TESSERA_GRANTS_CACHE_ENTRIES ?? SUBJECTS_OF_A_TENANT * values.TESSERA_TENANT_CACHE_ENTRIES,
      vaultSeconds: values.TESSERA_VAULT_CACHE_SECONDS,
      changePollMs: values.TESSERA_CHANGE_POLL_MS,
      tenants: values.TESSERA_TENANT_CACHE_ENTRIES,
      tenantSeconds: values.TESSERA_TENANT_CACHE_SECONDS,
    },
    connections: {
      tenantBudget: values.TESSERA_TENANT_CONNECTIONS,
      perTenant: values.TESSERA_TENANT_CONNECTIONS_EACH,
      waitMs: values.TESSERA_CONNECTION_WAIT_MS,
      timeoutMs: values.TESSERA_DATABASE_TIMEOUT_MS,
      idleSeconds: values.TESSERA_CONNECTION_IDLE_SECONDS,
      dangerouslyAllowPlaintext: values.TESSERA_DANGEROUSLY_ALLOW_PLAINTEXT_DATABASE,
    },
    audit: { retentionDays: values.TESSERA_AUDIT_RETENTION_DAYS },
  });
}

function controlDatabase(values: Values): ControlDatabaseConfig {
  if (values.DATABASE_URL === undefined) return { driver: 'sqlite' };
  return { driver: 'mysql', ...values.DATABASE_URL, poolSize: values.TESSERA_CONTROL_POOL_SIZE };
}

function forwardProxy({ HTTPS_PROXY: proxy, NO_PROXY: exceptions }: Values): ForwardProxyConfig | undefined {
  return proxy === 'none' ? undefined : { ...proxy, exceptions };
}

function vault(values: Values): VaultConfig {
  if (values.VAULT_ADDR === undefined) return { kind: 'embedded' };
  return {
    kind: 'vault',
    address: values.VAULT_ADDR,
    auth: vaultAuth(values),
    namespace: values.VAULT_NAMESPACE?.replace(/\/$/, ''),
    mount: values.VAULT_KV_MOUNT,
    timeoutMs: values.TESSERA_VAULT_TIMEOUT_MS,
    maxConcurrency: values.TESSERA_VAULT_CONCURRENCY,
  };
}

function vaultAuth(values: Values): VaultAuth {
  if (values.VAULT_TOKEN !== undefined) return { method: 'token', token: values.VAULT_TOKEN };
  if (values.VAULT_ROLE_ID === undefined || values.VAULT_SECRET_ID === undefined)
    throw new Error('checkTogether lets no Vault address without a login pass');
  return { method: 'approle', roleId: values.VAULT_ROLE_ID, secretId: values.VAULT_SECRET_ID };
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value))
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner as object);
  return Object.freeze(value);
}
