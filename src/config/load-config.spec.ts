import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from './configuration-error.ts';
import { type Environment, loadConfig } from './load-config.ts';
import { Secret } from './secret.ts';
import { SETTINGS } from './settings.ts';

const CANARY = 'c4nary-that-must-not-show';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'tessera-config-'));
});
afterEach(() => {
  rmSync(cwd, { recursive: true });
});

function load(env: Environment = {}) {
  return loadConfig(env, { cwd });
}

function errorsOf(env: Environment): readonly string[] {
  try {
    load(env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.errors;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('loadConfig', () => {
  it('is complete without any setting: embedded stores on loopback', () => {
    const config = load();
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      publicUrl: 'http://localhost:3000',
      controlDatabase: { driver: 'sqlite' },
      vault: { kind: 'embedded' },
      redisUrl: undefined,
      telemetry: false,
      trustedProxies: [],
      metricsNetworks: [],
    });
    expect(config.dataDirectory).toBe(join(cwd, 'data'));
  });

  it('is deeply frozen', () => {
    const config = load({ TESSERA_TRUSTED_PROXIES: '10.0.0.1' });
    expect(
      [config, config.limits, config.caches, config.trustedProxies, config.controlDatabase].every(Object.isFrozen),
    ).toBe(true);
  });

  it('reads names of hosts in the own network, with and without a dot', () => {
    const { federationPrivateHosts } = load({
      TESSERA_FEDERATION_PRIVATE_HOSTS: 'keycloak, idp.corp.example,a_b.corp',
    });
    expect(federationPrivateHosts).toEqual(['keycloak', 'idp.corp.example', 'a_b.corp']);
    expect(load().federationPrivateHosts).toEqual([]);
  });

  it.each([
    ['http://proxy.example:3128', 'http://proxy.example:3128', undefined],
    ['proxy.example:3128', 'http://proxy.example:3128', undefined],
    ['https://proxy.example/', 'https://proxy.example', undefined],
    ['http://me:p%40ss@proxy', 'http://proxy', 'Basic bWU6cEBzcw=='],
  ])('reads the forward proxy %s, and never shows its password', (text, origin, authorization) => {
    const { federationProxy } = load({ HTTPS_PROXY: text, NO_PROXY: 'a, .b c' });
    expect(federationProxy).toMatchObject({ origin, exceptions: ['a', '.b', 'c'] });
    expect(federationProxy?.authorization?.equals(new Secret(authorization ?? ''))).toBe(
      authorization === undefined ? undefined : true,
    );
    expect(JSON.stringify(federationProxy)).not.toContain('Basic');
  });

  it('takes the names in lower case first, and an empty one for no proxy', () => {
    expect(load({ HTTPS_PROXY: 'http://a', https_proxy: 'http://b' }).federationProxy?.origin).toBe('http://b');
    for (const env of [{}, { HTTPS_PROXY: '' }, { HTTPS_PROXY: 'http://a', https_proxy: '' }, { NO_PROXY: 'a' }])
      expect(load(env).federationProxy).toBeUndefined();
  });

  it('derives the public URL from the port', () => {
    expect(load({ PORT: '4711' }).publicUrl).toBe('http://localhost:4711');
  });

  it('reads from .env what the environment does not set', () => {
    writeFileSync(join(cwd, '.env'), 'PORT=4000\nLOG_LEVEL=debug\n');
    expect(load({ PORT: '5000' })).toMatchObject({ port: 5000, logLevel: 'debug' });
  });

  it('reads the parts of a database address, decoded', () => {
    const { controlDatabase } = load({ DATABASE_URL: 'mysql://te%40ss:p%2Fw%3A@db.example:3307/tessera_control' });
    expect(controlDatabase).toMatchObject({
      driver: 'mysql',
      host: 'db.example',
      port: 3307,
      username: 'te@ss',
      database: 'tessera_control',
    });
    expect(controlDatabase.driver === 'mysql' && Secret.reveal(controlDatabase.password)).toBe('p/w:');
  });

  it('takes a Vault login by token or by AppRole', () => {
    expect(load({ VAULT_ADDR: 'https://vault.example:8200', VAULT_TOKEN: 't' }).vault).toMatchObject({
      auth: { method: 'token' },
    });
    expect(
      load({ VAULT_ADDR: 'https://vault.example:8200', VAULT_ROLE_ID: 'r', VAULT_SECRET_ID: 's' }).vault,
    ).toMatchObject({ auth: { method: 'approle', roleId: 'r' } });
  });

  it('turns telemetry on for an OTLP endpoint, and off by OTEL_SDK_DISABLED', () => {
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };
    expect(load(endpoint).telemetry).toBe(true);
    expect(load({ ...endpoint, OTEL_SDK_DISABLED: 'true' }).telemetry).toBe(false);
  });

  it('ignores the names of the test suite', () => {
    expect(load({ TESSERA_TEST_ANYTHING: '1' }).port).toBe(3000);
  });
});

describe('loadConfig refuses', () => {
  it.each<[string, string, string]>([
    ['HOST', 'a b', 'HOST must be'],
    ['PORT', '65536', 'PORT must be'],
    ['PORT', '03000', 'PORT must be'],
    ['PORT', '', 'PORT is set but empty'],
    ['PORT', '0', 'PUBLIC_URL must be set when PORT is 0'],
    ['PUBLIC_URL', 'https://x.example/', 'PUBLIC_URL must be'],
    ['PUBLIC_URL', 'https://X.example', 'PUBLIC_URL must be'],
    ['PUBLIC_URL', 'https://x.example:443', 'PUBLIC_URL must be'],
    ['PUBLIC_URL', 'https://u:p@x.example', 'PUBLIC_URL must be'],
    ['PUBLIC_URL', 'https://x.example?a=1', 'PUBLIC_URL must be'],
    ['PUBLIC_URL', 'ftp://x.example', 'PUBLIC_URL must be'],
    ['LOG_LEVEL', 'trace', 'LOG_LEVEL must be'],
    ['DATABASE_URL', '', 'DATABASE_URL is set but empty'],
    ['DATABASE_URL', 'postgres://u:p@h/n', 'DATABASE_URL must be'],
    ['DATABASE_URL', 'mysql://h:1/n', 'DATABASE_URL must be'],
    ['DATABASE_URL', 'mysql://u:p@h/n?ssl=0', 'DATABASE_URL must be'],
    ['VAULT_ADDR', 'https://v.example', 'VAULT_ADDR needs a login'],
    ['VAULT_TOKEN', 'x', 'VAULT_ADDR must be set when VAULT_TOKEN is'],
    ['VAULT_TOKEN', 'x\n', 'VAULT_TOKEN must be'],
    ['REDIS_URL', 'http://h', 'REDIS_URL must be'],
    ['TESSERA_TRUSTED_PROXIES', '0.0.0.0/0', 'TESSERA_TRUSTED_PROXIES must be'],
    ['TESSERA_TRUSTED_PROXIES', '10.0.0.0/8,', 'TESSERA_TRUSTED_PROXIES must be'],
    ['TESSERA_TRUSTED_PROXIES', 'loopback', 'TESSERA_TRUSTED_PROXIES must be'],
    ['TESSERA_FEDERATION_ALLOWED_HOSTS', 'localhost', 'TESSERA_FEDERATION_ALLOWED_HOSTS must be'],
    ['TESSERA_FEDERATION_ALLOWED_HOSTS', '*:80', 'TESSERA_FEDERATION_ALLOWED_HOSTS must be'],
    ...[
      '*',
      '*.corp.example',
      'idp:443',
      'https://idp.corp.example',
      'idp.corp.example/realms',
      'idp.corp.example.',
      'IDP.corp.example',
      '10.0.0.0/8',
      '10.0.0.1',
      '[fd00::1]',
      'fd00::1',
      '2130706433',
      '0x7f.1',
      '127.1',
      'localhost',
      'a.localhost',
      'localhost.localdomain',
      'ip6-localhost',
      'metadata',
      'metadata.google.internal',
      'instance-data',
      'idp,,other',
      'idp;other',
      'ídp',
    ].map((hosts): [string, string, string] => [
      'TESSERA_FEDERATION_PRIVATE_HOSTS',
      hosts,
      'TESSERA_FEDERATION_PRIVATE_HOSTS must be',
    ]),
    ...[
      'socks5://proxy:1080',
      'proxy.example/path',
      'http://proxy?x',
      'http://proxy#x',
      'http://',
      'http://a:%zz@proxy',
      'http://pro xy',
    ].map((url): [string, string, string] => ['HTTPS_PROXY', url, 'HTTPS_PROXY must be']),
    ['TESSERA_CHANGE_POLL_MS', '2000', 'TESSERA_CHANGE_POLL_MS must be'],
    ['TESSERA_TRUSTED_PROXY', '10.0.0.1', 'TESSERA_TRUSTED_PROXY is not a setting'],
  ])('%s=%j', (name, value, error) => {
    expect(errorsOf({ [name]: value })).toEqual([expect.stringContaining(error)]);
  });

  it('plain HTTP to a Vault on another machine, unless the dangerous setting allows it', () => {
    const env = { VAULT_ADDR: 'http://vault.example:8200', VAULT_TOKEN: 't' };
    expect(errorsOf(env)).toEqual([expect.stringContaining('VAULT_ADDR must be https:')]);
    expect(load({ ...env, TESSERA_DANGEROUSLY_ALLOW_PLAINTEXT_VAULT: 'true' }).vault.kind).toBe('vault');
    expect(load({ ...env, VAULT_ADDR: 'http://127.0.0.1:8200' }).vault.kind).toBe('vault');
  });

  it('two Vault login methods at once', () => {
    const env = { VAULT_ADDR: 'https://v.example', VAULT_TOKEN: 't', VAULT_ROLE_ID: 'r', VAULT_SECRET_ID: 's' };
    expect(errorsOf(env)).toEqual([expect.stringContaining('choose one login')]);
  });

  it('bounds that break the promise to answer within 3 s', () => {
    const env = { TESSERA_CONNECTION_WAIT_MS: '2000', TESSERA_DATABASE_TIMEOUT_MS: '2000' };
    expect(errorsOf(env)).toEqual([expect.stringContaining('2800 or less together')]);
  });

  it('all errors at once, naming every setting and no value', () => {
    const names = Object.keys(SETTINGS);
    const env = Object.fromEntries([...names, 'TESSERA_UNKNOWN'].map((name) => [name, ` \0${CANARY} `]));
    const errors = errorsOf(env);
    for (const name of [...names, 'TESSERA_UNKNOWN'])
      expect(errors.filter((error) => error.startsWith(`${name} `))).toHaveLength(1);
    expect(errors.join('\n')).not.toContain(CANARY);
  });

  it('an unknown name that stands in .env', () => {
    writeFileSync(join(cwd, '.env'), 'TESSERA_GRANT_CACHE=1\n');
    expect(errorsOf({})).toEqual([expect.stringContaining('TESSERA_GRANT_CACHE is not a setting')]);
  });
});
