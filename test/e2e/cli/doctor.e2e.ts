import BetterSqlite3 from 'better-sqlite3';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Finding } from '../../../src/cli/doctor/finding.ts';
import { Clock, SystemClock } from '../../../src/domain/clock.ts';
import { clientSecretPath, keyRingPath, type VaultPath } from '../../../src/vault/vault-path.ts';
import { EmbeddedVault } from '../../../src/vault/embedded/embedded-vault.ts';
import { parseClientId, parseProjectId } from '../../../src/domain/ids.ts';
import { tenantId } from '../../../src/testing/storage.ts';
import { type CliResult, TestInstallation } from './installation.ts';

const EXAMPLE = readFileSync(join(import.meta.dirname, '../../../examples/acme.yaml'), 'utf8');
const DAY_MS = 86_400_000;
const WEB = clientSecretPath(tenantId('acme'), parseProjectId('shop')!, parseClientId('web')!);

/** The time of this machine, moved. */
class ShiftedClock extends Clock {
  constructor(private readonly byMs: number) {
    super();
  }

  override nowMs(): number {
    return Date.now() + this.byMs;
  }

  override monotonicMs(): number {
    return performance.now();
  }
}

let healthy: TestInstallation;
let installation: TestInstallation;

beforeAll(async () => {
  healthy = await TestInstallation.make();
  await healthy.applied(EXAMPLE);
});
afterAll(() => healthy.remove());

beforeEach(async () => {
  installation = await TestInstallation.make();
  await cp(healthy.dataDirectory, installation.dataDirectory, { recursive: true });
});
afterEach(() => installation.remove());

async function doctor(...args: string[]): Promise<{ result: CliResult; findings: readonly Finding[] }> {
  const result = await installation.run(['doctor', ...args, '-o', 'json']);
  return { result, findings: (JSON.parse(result.stdout) as { findings: readonly Finding[] }).findings };
}

function sql(file: 'control' | 'acme', ...statements: string[]): void {
  const path = file === 'control' ? 'control.sqlite' : 'tenants/acme.sqlite';
  const database = new BetterSqlite3(join(installation.dataDirectory, path));
  // Foreign keys of rows that others write are not always checked.
  database.pragma('foreign_keys = OFF');
  for (const statement of statements) database.exec(statement);
  database.close();
}

async function changeVault(path: VaultPath, change: (data: Record<string, unknown>) => Record<string, unknown>) {
  const vault = new EmbeddedVault(installation.dataDirectory);
  const entry = await vault.read(path);
  await vault.write(path, change({ ...entry?.data }), entry?.version ?? 0);
}

describe('a healthy installation', () => {
  it('has no findings, and not a file of it is changed', async () => {
    const before = await installation.fingerprint();
    expect(await installation.run(['doctor', '-o', 'json'])).toEqual({
      code: 0,
      stdout: '{\n  "findings": []\n}\n',
      stderr: '',
    });
    expect(await installation.run(['doctor', 'acme'])).toEqual({ code: 0, stdout: 'Nothing to mend.\n', stderr: '' });
    expect(await installation.fingerprint()).toEqual(before);
  });
});

/** An issuer at an address that no issuer may have. */
function trustOf(client: string, subject = '{"match":"linked"}', surface = 'user'): string {
  return `INSERT INTO trusts VALUES ('acme', 'corp', 'https://127.0.0.1:1', NULL, '["a"]', '["RS256"]', '"none"', '${subject}', '["${client}"]', '["${surface}"]', 60, 60)`;
}

/** Members of the client `web` that only the token endpoint uses, written past the rules of the tenants file. */
function tokenEndpointOf(members: object): void {
  sql('control', `UPDATE clients SET token_endpoint = '${JSON.stringify(members)}' WHERE id = 'web'`);
}

const KEY = {
  kty: 'OKP',
  crv: 'Ed25519',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  kid: 'k1',
  alg: 'EdDSA',
};
const WEAK = { ...generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }), kid: 'w' };

/** One fault each, the checks that find it, and what they say. */
const MUTATIONS: readonly {
  readonly fault: string;
  readonly break: () => unknown;
  readonly found: readonly (readonly [check: string, object: string])[];
  readonly clock?: () => Clock;
  readonly env?: Record<string, string>;
}[] = [
  {
    fault: 'no control database',
    break: () => rm(join(installation.dataDirectory, 'control.sqlite')),
    found: [['control-database', 'control database']],
  },
  {
    fault: 'a control database that is no database',
    break: () => installation.write('data/control.sqlite', 'x'.repeat(5000)),
    found: [['control-database', 'control database']],
  },
  {
    fault: 'a migration of the control database that did not run',
    break: () => {
      sql('control', "DELETE FROM tessera_migrations WHERE name LIKE 'AuditReading%'");
    },
    found: [['control-database', 'control database']],
  },
  {
    fault: 'a missing column in the control database',
    break: () => {
      sql('control', 'ALTER TABLE clients DROP COLUMN ttl_seconds');
    },
    found: [['control-schema', 'control database']],
  },
  {
    fault: 'a missing table in the control database',
    break: () => {
      sql('control', 'DROP TABLE secret_uses');
    },
    found: [['control-schema', 'control database']],
  },
  {
    fault: 'a missing index in the control database',
    break: () => {
      sql('control', 'DROP INDEX audit_records_at');
    },
    found: [['control-schema', 'control database']],
  },
  {
    fault: 'a malformed row of the control database',
    break: () => {
      sql('control', "UPDATE clients SET scopes = 'x'");
    },
    found: [['control-database', 'control database']],
  },
  {
    fault: 'rows of a tenant that does not exist',
    break: () => {
      sql('control', "INSERT INTO projects VALUES ('ghost', 'shop', 'Shop', 'active')");
    },
    found: [['control-links', 'tenant ghost']],
  },
  {
    fault: 'a lost key of the secret store',
    break: () => rm(join(installation.dataDirectory, 'vault.key')),
    found: [['vault', 'vault']],
  },
  {
    fault: 'the entry of a tenant that never was',
    break: () => changeVault(keyRingPath(tenantId('ghost')), () => ({ a: 1 })),
    found: [['orphan-entries', 'tenant ghost']],
  },
  {
    fault: 'the secrets of a client that was removed',
    break: () =>
      changeVault(clientSecretPath(tenantId('acme'), parseProjectId('shop')!, parseClientId('old')!), () => ({})),
    found: [['orphan-entries', 'secret/acme/shop/old']],
  },
  {
    fault: 'an audit record of the future',
    break: () => {
      sql(
        'control',
        `INSERT INTO audit_records (at_ms, request_id, route, source, outcome) VALUES (${Date.now() + 300_000}, 'r', 'r', 's', 'o')`,
      );
    },
    found: [['clocks', 'audit']],
  },
  {
    fault: 'audit records that nobody removes',
    break: () => {
      sql(
        'control',
        `INSERT INTO audit_records (at_ms, request_id, route, source, outcome) VALUES (${Date.now() - 95 * DAY_MS}, 'r', 'r', 's', 'o')`,
      );
    },
    found: [['audit-retention', 'audit']],
  },
  {
    fault: 'audit records that are kept forever',
    env: { TESSERA_AUDIT_RETENTION_DAYS: '0' },
    break: () => {
      sql(
        'control',
        `INSERT INTO audit_records (at_ms, request_id, route, source, outcome) VALUES (${Date.now() - 400 * DAY_MS}, 'r', 'r', 's', 'o')`,
      );
    },
    found: [['audit-retention', 'audit']],
  },
  {
    fault: 'a trusted issuer whose keys cannot be fetched',
    break: () => {
      sql('control', trustOf('web'));
    },
    found: [['trusted-issuers', 'issuer acme/corp']],
  },
  {
    fault: 'a trusted issuer for a client that does not exist, and whose keys cannot be fetched',
    break: () => {
      sql('control', trustOf('gone'));
    },
    found: [
      ['tenant-links', 'issuer acme/corp'],
      ['trusted-issuers', 'issuer acme/corp'],
    ],
  },
  ...(['user', 'admin'] as const).map((surface) => ({
    fault: `a trusted issuer whose fixed subject of the surface ${surface} does not exist, and whose keys cannot be fetched`,
    break: () => {
      const subject = '{"match":"email","domains":[],"instead":{"match":"user","id":"x-gone"}}';
      sql('control', trustOf('web', subject, surface));
    },
    // In the order of the checks.
    found: (
      [
        ['tenant-links', 'issuer acme/corp'],
        ['trusted-issuers', 'issuer acme/corp'],
        ['user-identities', 'issuer acme/corp'],
      ] as const
    ).filter(([check]) => check !== (surface === 'user' ? 'tenant-links' : 'user-identities')),
  })),
  {
    fault: 'no key ring',
    break: () => rm(join(installation.dataDirectory, 'vault/keys/acme.sealed')),
    found: [['key-ring', 'key ring of acme']],
  },
  {
    fault: 'a key ring of which no key signs',
    break: () =>
      changeVault(keyRingPath(tenantId('acme')), (data) => ({
        ...data,
        keys: (data['keys'] as Record<string, unknown>[]).map((key) => ({
          ...key,
          private_jwk: undefined,
          state: 'revoked',
          retire_at: key['published_at'],
        })),
      })),
    found: [['key-ring', 'key ring of acme']],
  },
  {
    fault: 'a damaged key ring',
    break: () => changeVault(keyRingPath(tenantId('acme')), () => ({ keys: 'x' })),
    found: [['key-ring', 'tenant acme']],
  },
  {
    fault: 'a confidential client without a secret',
    break: () => changeVault(WEB, () => ({ secrets: [] })),
    found: [['client-secrets', 'acme/shop/web']],
  },
  {
    fault: 'a malformed entry of secrets',
    break: () => changeVault(WEB, () => ({ secrets: 'x' })),
    found: [['client-secrets', 'acme/shop/web']],
  },
  {
    fault: 'a secret that ends soon',
    break: () => installation.run(['secrets', 'add', 'acme/shop/web', '--expires-in', '7d']),
    found: [['ending-secrets', 'acme/shop/web']],
  },
  {
    fault: 'a secret that was never used',
    // The record of the apply would be older than the retention then.
    break: () => {
      sql('control', 'DELETE FROM audit_records');
    },
    clock: () => new ShiftedClock(91 * DAY_MS),
    found: [
      ['unused-secrets', 'acme/shop/billing'],
      ['unused-secrets', 'acme/shop/web'],
    ],
  },
  {
    fault: 'a live secret of a client that authenticates by its keys',
    break: () => {
      tokenEndpointOf({ keys: [KEY], hasNoSecret: true });
    },
    found: [['assertion-secrets', 'acme/shop/web']],
  },
  {
    fault: 'an operator-provided secret of a client that authenticates by its keys',
    break: async () => {
      tokenEndpointOf({ keys: [KEY], hasNoSecret: true });
      await changeVault(WEB, () => ({ secret_id: 'operator-provided-secret-0001' }));
    },
    found: [['assertion-secrets', 'acme/shop/web']],
  },
  {
    fault: 'a key of a client that is weak',
    break: () => {
      tokenEndpointOf({ keys: [{ ...WEAK, alg: 'RS256' }] });
    },
    found: [['client-keys', 'acme/shop/web']],
  },
  {
    fault: 'a key of a client that is private',
    break: () => {
      tokenEndpointOf({ keys: [{ ...KEY, d: 'x' }] });
    },
    found: [['client-keys', 'acme/shop/web']],
  },
  {
    fault: 'two clients of one id, one of which is a service',
    break: () => {
      tokenEndpointOf({ service: { roles: [] } });
      sql(
        'control',
        "INSERT INTO projects VALUES ('acme', 'lab', 'Lab', 'active')",
        `INSERT INTO clients (tenant_id, project_id, id, status, policy, surfaces, audience, scopes, subjects) SELECT tenant_id, 'lab', id, 'disabled', policy, surfaces, audience, scopes, subjects FROM clients WHERE id = 'web'`,
      );
    },
    found: [['client-names', 'clients web of acme']],
  },
  {
    fault: 'an audience of an exchange that no client has',
    break: () => {
      tokenEndpointOf({
        audiences: ['reports'],
        receives: ['ledger'],
        exchange: ['reports', 'ledger', 'stok'].map((to) => ({ to, scopes: 'subset' })),
      });
    },
    found: [['exchange-targets', 'acme/shop/web']],
  },
  {
    fault: 'a workload of an issuer that is not trusted',
    break: () => {
      tokenEndpointOf({ workload: { issuer: 'gone', conditions: [['sub', ['a']]] } });
    },
    found: [['tenant-links', 'acme/shop/web']],
  },
  {
    fault: 'a role of a service that the directory does not have',
    break: () => {
      tokenEndpointOf({ service: { roles: ['Viewer', 'viewer'] } });
    },
    found: [['service-roles', 'acme/shop/web']],
  },
  {
    fault: 'keys of a client that cannot be fetched',
    break: () => {
      tokenEndpointOf({ jwksUri: 'https://127.0.0.1:1/keys' });
    },
    found: [['client-key-sets', 'acme/shop/web']],
  },
  {
    fault: 'an administrator whose stored address is not canonical',
    break: () => {
      sql('control', "UPDATE administrators SET email_canonical = 'Root@acme.example'");
    },
    found: [['administrator-emails', 'administrator acme/a-root']],
  },
  {
    fault: 'two administrators with one address',
    break: () => {
      sql(
        'control',
        "INSERT INTO administrators SELECT tenant_id, 'a-two', 'ROOT@acme.example', 'x', status, roles, scopes FROM administrators",
      );
    },
    found: [['administrator-emails', 'administrator acme/a-two']],
  },
  {
    fault: 'a scope of an administrator that no client can carry',
    break: () => {
      sql('control', `UPDATE administrators SET scopes = '["tenant:manage","tenant:audit"]'`);
    },
    found: [['administrator-scopes', 'administrators of acme']],
  },
  {
    fault: 'an administrator whose token is near the budget',
    break: () => {
      const roles = Array.from({ length: 400 }, (_, index) => `role-${index}`);
      sql('control', `UPDATE administrators SET roles = '${JSON.stringify(roles)}'`);
    },
    found: [['administrator-tokens', 'administrator acme/a-root']],
  },
  {
    fault: 'an administrator linked to an issuer that is not trusted',
    break: () => {
      sql('control', "INSERT INTO administrator_identities VALUES ('acme', 'https://idp.example', '1', 'a-root')");
    },
    found: [['tenant-links', 'administrator acme/a-root']],
  },
  {
    fault: 'an identity of an administrator that does not exist',
    break: () => {
      sql('control', "INSERT INTO administrator_identities VALUES ('acme', 'https://idp.example', '1', 'a-gone')");
    },
    found: [['control-links', 'tenant acme']],
  },
  {
    fault: 'no database of a tenant',
    break: () => rm(join(installation.dataDirectory, 'tenants/acme.sqlite')),
    found: [['directory-database', 'database of acme']],
  },
  {
    fault: 'a tenant’s database that is no database',
    break: () => installation.write('data/tenants/acme.sqlite', 'x'.repeat(5000)),
    found: [['directory-database', 'database of acme']],
  },
  {
    fault: 'a tenant’s database without its tables',
    break: () => {
      sql('acme', 'DELETE FROM tessera_migrations');
    },
    found: [['directory-database', 'database of acme']],
  },
  {
    fault: 'a tenant’s database of another tenant',
    break: () => {
      sql('acme', "UPDATE tessera_owner SET tenant_id = 'other'");
    },
    found: [['directory-owner', 'database of acme']],
  },
  {
    fault: 'a tenant’s database of no tenant',
    break: () => {
      sql('acme', 'DELETE FROM tessera_owner');
    },
    found: [['directory-owner', 'database of acme']],
  },
  {
    fault: 'a missing column of a directory',
    break: () => {
      sql('acme', 'ALTER TABLE tessera_users DROP COLUMN status');
    },
    found: [['directory-schema', 'database of acme']],
  },
  {
    fault: 'a missing index of a directory',
    break: () => {
      sql('acme', 'DROP INDEX tessera_user_roles_role_name');
    },
    found: [['directory-schema', 'database of acme']],
  },
  {
    fault: 'a missing table of a directory',
    break: () => {
      sql('acme', 'DROP TABLE tessera_owner');
    },
    found: [['directory-schema', 'database of acme']],
  },
  {
    fault: 'a user whose stored address is not canonical',
    break: () => {
      sql('acme', "UPDATE tessera_users SET email_canonical = 'Ada@acme.example' WHERE id = 'u-ada'");
    },
    found: [['user-emails', 'user acme/u-ada']],
  },
  {
    fault: 'a user with something else than an address',
    break: () => {
      sql('acme', "UPDATE tessera_users SET email = 'ada', email_canonical = 'ada' WHERE id = 'u-ada'");
    },
    found: [['user-emails', 'user acme/u-ada']],
  },
  {
    fault: 'two users with one address',
    break: () => {
      sql('acme', "INSERT INTO tessera_users VALUES ('u-two', 'ADA@acme.example', 'x', 'active')");
    },
    found: [['user-emails', 'user acme/u-two']],
  },
  {
    fault: 'a user with the id of an administrator',
    break: () => {
      sql('acme', "INSERT INTO tessera_users VALUES ('a-root', 'eve@acme.example', 'eve@acme.example', 'active')");
    },
    found: [['shared-ids', 'user acme/a-root']],
  },
  {
    fault: 'a role of a user that does not exist',
    break: () => {
      sql('acme', "INSERT INTO tessera_user_roles VALUES ('u-gone', 'viewer')");
    },
    found: [['directory-links', 'database of acme']],
  },
  {
    fault: 'a removed role whose links stayed',
    break: () => {
      sql('acme', "DELETE FROM tessera_roles WHERE name = 'viewer'");
    },
    found: [
      ['service-roles', 'acme/shop/billing'],
      ['directory-links', 'database of acme'],
      ['directory-links', 'database of acme'],
    ],
  },
  {
    fault: 'a user linked to an issuer that is not trusted',
    break: () => {
      sql('acme', "INSERT INTO tessera_user_identities VALUES ('https://idp.example', '1', 'u-ada')");
    },
    found: [['user-identities', 'users of acme']],
  },
  {
    fault: 'a role without scopes',
    break: () => {
      sql('acme', "INSERT INTO tessera_roles VALUES ('empty')");
    },
    found: [['empty-roles', 'role acme/empty']],
  },
  {
    fault: 'a scope that no client can carry',
    break: () => {
      sql('acme', "INSERT INTO tessera_scopes VALUES ('orders:delete', 'orders')");
    },
    found: [['uncarried-scopes', 'scopes of acme']],
  },
  {
    fault: 'a user whose token is near the budget',
    break: () => {
      const each = (index: number) =>
        `INSERT INTO tessera_roles VALUES ('role-${index}'); INSERT INTO tessera_role_scopes VALUES ('role-${index}', 'orders:read'); INSERT INTO tessera_user_roles VALUES ('u-bob', 'role-${index}');`;
      sql('acme', `BEGIN; ${Array.from({ length: 400 }, (_, index) => each(index)).join(' ')} COMMIT`);
    },
    found: [['user-tokens', 'user acme/u-bob']],
  },
  {
    fault: 'a user whose id is an address',
    break: () => {
      sql('acme', "INSERT INTO tessera_users VALUES ('victim@acme.example', 'EVE@acme.example', 'x', 'active')");
    },
    found: [
      ['subject-ids', expect.stringMatching(/^user acme\/\(id with @, SHA-256 /)],
      ['user-emails', expect.stringMatching(/^user acme\/\(id with @, SHA-256 /)],
    ],
  },
  {
    fault: 'a user with the id of a client',
    break: () => {
      sql('acme', "INSERT INTO tessera_users VALUES ('client:c', 'eve@acme.example', 'eve@acme.example', 'active')");
    },
    found: [['subject-ids', 'user acme/client:c']],
  },
  {
    fault: 'an administrator with the id of a client',
    break: () => {
      sql(
        'control',
        "INSERT INTO administrators VALUES ('acme', 'client:shop/web', 'eve@acme.example', 'eve@acme.example', 'active', '[]', '[]')",
      );
    },
    found: [['subject-ids', 'administrator acme/client:shop/web']],
  },
  {
    fault: 'an administrator whose id is an address',
    break: () => {
      sql(
        'control',
        "INSERT INTO administrators VALUES ('acme', 'victim@acme.example', 'EVE@acme.example', 'x', 'active', '[]', '[]')",
      );
    },
    found: [
      ['administrator-emails', expect.stringMatching(/^administrator acme\/\(id with @, SHA-256 /)],
      ['subject-ids', expect.stringMatching(/^administrator acme\/\(id with @, SHA-256 /)],
    ],
  },
  {
    fault: 'an issuer, a role and a scope whose names hold an address',
    break: () => {
      sql(
        'acme',
        "INSERT INTO tessera_user_identities VALUES ('https://victim@acme.example', '1', 'u-ada')",
        "INSERT INTO tessera_roles VALUES ('victim@acme.example')",
        "INSERT INTO tessera_scopes VALUES ('victim@acme.example', NULL)",
      );
    },
    found: [
      ['empty-roles', expect.stringMatching(/^role acme\/\(name with @/)],
      ['uncarried-scopes', 'scopes of acme'],
      ['user-identities', 'users of acme'],
    ],
  },
  {
    fault: 'a value that a directory cannot hold',
    break: () => {
      sql('acme', `INSERT INTO tessera_users VALUES ('u-long', '${'x'.repeat(300)}', 'x', 'active')`);
    },
    found: [['user-emails', 'database of acme']],
  },
];

describe('doctor', () => {
  it.each(MUTATIONS)('finds $fault', async ({ break: breakIt, found, clock = () => new SystemClock(), env = {} }) => {
    await breakIt();
    const before = await installation.fingerprint();
    const broken = Object.assign(Object.create(installation) as TestInstallation, {
      env: { ...installation.env, ...env },
    });
    const result = await broken.run(['doctor', '-o', 'json'], { clock: clock() });
    const { findings } = JSON.parse(result.stdout) as { findings: readonly Finding[] };
    expect(findings.map(({ check, object }) => [check, object])).toEqual(found);
    for (const { problem, command, severity } of findings) {
      expect(['fault', 'warning']).toContain(severity);
      expect(problem).not.toBe('');
      expect(command).not.toBe('');
    }
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/Mend them as shown, then run: tessera doctor\n$/);
    expect(result.stdout + result.stderr).not.toMatch(/@acme\.example|tsk_/);
    expect(await installation.fingerprint()).toEqual(before);
    expect(existsSync(installation.dataDirectory)).toBe(true);
  });

  it('says what to do about a secret that is not accepted, and that works', async () => {
    tokenEndpointOf({ keys: [KEY], hasNoSecret: true });
    const [{ command } = { command: '' }] = (await doctor()).findings;
    expect(command).toMatch(/^tessera secrets retire acme\/shop\/web [0-9a-f]{12}$/);
    expect(await installation.run(command.split(' ').slice(1))).toMatchObject({ code: 0 });
    expect((await doctor()).findings).toEqual([]);
  });

  it('says what to do about people with the id of a client, and that works', async () => {
    sql(
      'control',
      "INSERT INTO administrators VALUES ('acme', 'client:shop/web', 'eve@acme.example', 'eve@acme.example', 'active', '[]', '[]')",
    );
    sql('acme', "INSERT INTO tessera_users VALUES ('client:c', 'eve@acme.example', 'eve@acme.example', 'active')");
    const { findings } = await doctor();
    expect(findings.map(({ object }) => object)).toEqual(['administrator acme/client:shop/web', 'user acme/client:c']);
    for (const { command } of findings) expect(command).toMatch(/tessera apply -f FILE --prune$/);
    await installation.applied(EXAMPLE, '--prune');
    expect((await doctor()).findings).toEqual([]);
  });

  it('has nothing to say about a client that uses the token endpoint as it should', async () => {
    tokenEndpointOf({
      audiences: ['reports'],
      exchange: [{ to: 'reports', scopes: 'subset' }],
      service: { roles: ['viewer'] },
      keys: [KEY],
    });
    expect((await doctor()).findings).toEqual([]);
  });

  it.each([
    ['nothing about keys that state their algorithm', [KEY], []],
    ['those whose keys leave it open', [{ ...KEY, alg: undefined }], ['client-key-sets']],
    ['those that publish none', [], ['client-key-sets']],
  ])('finds among clients with a jwks_uri: %s', async (_, keys, found) => {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      tokenEndpointOf({ jwksUri: `http://${host}/keys` });
      const allowed = Object.assign(Object.create(installation) as TestInstallation, {
        env: { ...installation.env, TESSERA_FEDERATION_ALLOWED_HOSTS: host },
      });
      const { stdout } = await allowed.run(['doctor', '-o', 'json']);
      const { findings } = JSON.parse(stdout) as { findings: readonly Finding[] };
      expect(findings.map(({ check }) => check)).toEqual(found);
    } finally {
      server.close();
    }
  });

  it('counts what services carry among the scopes that somebody carries', async () => {
    sql('control', `UPDATE clients SET surfaces = '["admin"]'`);
    expect((await doctor()).findings.map(({ check }) => check)).toContain('uncarried-scopes');
    tokenEndpointOf({ service: { roles: ['viewer'] } });
    expect((await doctor()).findings.map(({ check }) => check)).not.toContain('uncarried-scopes');
  });

  it('examines only the tenant that it is asked about', async () => {
    await installation.applied(EXAMPLE.replace('id: acme', 'id: beta'));
    sql('acme', 'DELETE FROM tessera_owner');
    expect((await doctor()).findings).toHaveLength(1);
    expect((await doctor('beta')).findings).toEqual([]);
    expect((await doctor('acme')).findings).toHaveLength(1);
  });
});
