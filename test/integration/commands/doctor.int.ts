import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from '../../../src/cli/doctor/finding.ts';
import { Clock } from '../../../src/domain/clock.ts';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';
import { TestInstallation } from '../../e2e/cli/installation.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import { type RunningOpenBao, startOpenBaoDev } from '../../support/servers/openbao.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';

const EXAMPLE = readFileSync(join(REPOSITORY, 'examples/acme.yaml'), 'utf8');

let mariadb: RunningMariaDb;
let openbao: RunningOpenBao;
let token: string;
const running: { close(): Promise<void> }[] = [];
let installation: TestInstallation;
let number = 0;

class LateClock extends Clock {
  override nowMs(): number {
    return Date.now() - 120_000;
  }

  override monotonicMs(): number {
    return performance.now();
  }
}

beforeAll(async () => {
  running.push((openbao = await startOpenBaoDev()));
  running.push((mariadb = await startMariaDb()));
  // Examining needs no more than what a server has.
  token = await openbao.createToken();
});
afterAll(() => Promise.all(running.map((server) => server.close())));

beforeEach(async () => {
  number += 1;
  await mariadb.createTenantDatabase(`control_${number}`);
  await mariadb.createTenantDatabase(`acme_${number}`);
  installation = await TestInstallation.make({
    DATABASE_URL: `mysql://control_${number}:control_${number}-password@127.0.0.1:${mariadb.port}/control_${number}`,
    VAULT_ADDR: openbao.address,
    VAULT_TOKEN: token,
  });
  await credentials('acme', `acme_${number}`, `acme_${number}-password`);
  await installation.applied(onMariaDb());
});
afterEach(async () => {
  for (const path of ['keys/acme', 'database/acme', 'audit/acme', 'secret/acme/shop/web', 'keys/ghost'])
    await openbao.api('DELETE', `kv/metadata/${path}`);
  await installation.remove();
});

async function credentials(tenant: string, username: string, password: string): Promise<void> {
  await openbao.api('POST', `kv/data/database/${tenant}`, { data: { username, password } });
}

function onMariaDb(): string {
  const database = `{ driver: mysql, host: 127.0.0.1, port: ${mariadb.port}, name: acme_${number} }`;
  return replaceOnce(EXAMPLE, '{ driver: sqlite }', database);
}

async function examine(options: { args?: string[]; clock?: Clock } = {}) {
  const result = await installation.run(['doctor', ...(options.args ?? []), '-o', 'json'], options);
  const { findings } = JSON.parse(result.stdout) as { findings: readonly Finding[] };
  expect(result.code).toBe(findings.length === 0 ? 0 : 1);
  expect(result.stdout + result.stderr).not.toMatch(/@acme\.example|-password/);
  return findings;
}

async function found(options?: Parameters<typeof examine>[0]): Promise<string[][]> {
  return (await examine(options)).map(({ check, object }) => [check, object]);
}

const control = (statement: string) => mariadb.sql(`USE control_${number}`, statement);
const directory = (...statements: string[]) =>
  mariadb.sql(`USE acme_${number}`, 'SET foreign_key_checks = 0', ...statements);

describe('doctor on MariaDB and OpenBao', () => {
  it('finds nothing in a fresh installation', async () => {
    expect(await examine()).toEqual([]);
    expect(await examine({ args: ['acme'] })).toEqual([]);
  });

  it.each([
    ['a column', 'ALTER TABLE clients DROP COLUMN ttl_seconds', /no column ttl_seconds/],
    ['a type', 'ALTER TABLE trusts MODIFY issuer varchar(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL', /type/],
    ['an index', 'ALTER TABLE audit_records DROP INDEX audit_records_at', /no index on \(at_ms\)/],
    [
      'an index of the audit',
      'ALTER TABLE audit_records DROP INDEX audit_records_request',
      /no index on \(request_id\)/,
    ],
    ['a unique index', 'ALTER TABLE administrators DROP INDEX administrators_email', /no index/],
    ['a collation', 'ALTER TABLE tenants CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci', /collation/],
    ['an engine', 'ALTER TABLE secret_uses ENGINE=MyISAM', /engine is not InnoDB/],
    ['a table', 'DROP TABLE secret_uses', /secret_uses is missing/],
  ])('finds %s of the control database that differs from the migrations', async (_name, statement, problem) => {
    await control(statement);
    const [finding, ...others] = await examine();
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ check: 'control-schema', object: 'control database' });
    expect(finding?.problem).toMatch(problem);
    // The statement that it names mends it, unless data are lost.
    if (finding!.command.endsWith(';')) {
      for (const mend of finding!.command.split(';').filter((part) => part.trim() !== '')) await control(mend);
      expect(await examine()).toEqual([]);
    }
  });

  it.each([
    ['a column', 'ALTER TABLE tessera_users DROP COLUMN status', /no column status/],
    ['a collation', 'ALTER TABLE tessera_users MODIFY email varchar(254) CHARACTER SET utf8mb4 NOT NULL', /collation/],
    ['a unique index', 'ALTER TABLE tessera_users DROP INDEX tessera_users_email', /no index on \(email_canonical\)/],
    ['an engine', 'ALTER TABLE tessera_owner ENGINE=MyISAM', /engine/],
    [
      'a foreign key',
      'ALTER TABLE tessera_user_roles DROP FOREIGN KEY tessera_user_roles_to_tessera_users',
      /no foreign key/,
    ],
  ])('finds %s of a directory that differs from the migrations', async (_name, statement, problem) => {
    await directory(statement);
    const [finding, ...others] = await examine();
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ check: 'directory-schema', object: 'database of acme' });
    expect(finding?.problem).toMatch(problem);
    await directory(finding!.command);
    expect(await examine()).toEqual([]);
  });

  it('finds what rows of a directory say', async () => {
    await directory("INSERT INTO tessera_user_roles VALUES ('u-gone', 'viewer')");
    expect(await found()).toEqual([['directory-links', 'database of acme']]);
    await directory((await examine())[0]!.command);
    await directory("UPDATE tessera_users SET email_canonical = 'Ada@acme.example' WHERE id = 'u-ada'");
    expect(await found()).toEqual([['user-emails', 'user acme/u-ada']]);
    await directory((await examine())[0]!.command);
    await directory("INSERT INTO tessera_users VALUES ('a-root', 'eve@acme.example', 'eve@acme.example', 'active')");
    expect(await found()).toEqual([['shared-ids', 'user acme/a-root']]);
    await directory("DELETE FROM tessera_users WHERE id = 'a-root'", "INSERT INTO tessera_roles VALUES ('empty')");
    expect(await found()).toEqual([['empty-roles', 'role acme/empty']]);
    await directory(
      "DELETE FROM tessera_roles WHERE name = 'empty'",
      "INSERT INTO tessera_scopes VALUES ('orders:delete', NULL)",
    );
    expect(await found()).toEqual([['uncarried-scopes', 'scopes of acme']]);
  });

  it('finds a database of another tenant', async () => {
    await directory("UPDATE tessera_owner SET tenant_id = 'globex'");
    expect(await found()).toEqual([['directory-owner', 'database of acme']]);
  });

  it('finds a database that refuses its credentials, and names no password', async () => {
    await credentials('acme', `acme_${number}`, 'wrong-password');
    expect(await found()).toEqual([['directory-database', 'database of acme']]);
  });

  it('finds missing credentials', async () => {
    await openbao.api('DELETE', 'kv/metadata/database/acme');
    expect(await found()).toEqual([['directory-database', 'database of acme']]);
  });

  it('finds a tenant’s server that is away', async () => {
    await control('UPDATE tenants SET database_port = 1');
    const [finding, ...others] = await examine();
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ check: 'directory-database', object: 'database of acme' });
    expect(finding?.command).toMatch(/^Nothing listens on 127\.0\.0\.1:1/);
  });

  it('finds entries in Vault of no tenant', async () => {
    await openbao.api('POST', 'kv/data/keys/ghost', { data: { a: 1 } });
    const [finding, ...others] = await examine();
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      check: 'orphan-entries',
      object: 'tenant ghost',
      command: 'vault kv metadata delete -mount=kv keys/ghost',
    });
  });

  it('finds more connections than the server allows, for the number of servers that is given', async () => {
    expect(await found({ args: ['--replicas', '1'] })).toEqual([]);
    const [finding, ...others] = await examine({ args: ['--replicas', '2'] });
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ check: 'connection-budget', object: `database server 127.0.0.1:${mariadb.port}` });
    expect(finding?.problem).toContain('220');
  });

  it('finds a limit of connections below what one server may need', async () => {
    await mariadb.sql('SET GLOBAL max_connections = 100');
    try {
      expect(await found()).toEqual([['connection-budget', `database server 127.0.0.1:${mariadb.port}`]]);
    } finally {
      await mariadb.sql('SET GLOBAL max_connections = 151');
    }
  });

  it('finds that this machine is late, once', async () => {
    const findings = await examine({ clock: new LateClock() });
    expect(findings).toMatchObject([{ check: 'clocks', object: 'this machine', severity: 'fault' }]);
  });

  it('finds a database server whose clock is ahead of Vault and this machine', async () => {
    await mariadb.sql("SET GLOBAL init_connect = 'SET timestamp = UNIX_TIMESTAMP() + 300'");
    try {
      expect(await found()).toEqual([['clocks', 'database server']]);
    } finally {
      await mariadb.sql("SET GLOBAL init_connect = ''");
    }
  });

  it('says that Vault or the control database is away, and examines what it can', async () => {
    const away = (env: Record<string, string>) =>
      Object.assign(Object.create(installation) as TestInstallation, { env: { ...installation.env, ...env } });
    const withoutVault = await away({ VAULT_ADDR: 'http://127.0.0.1:1' }).run(['doctor', '-o', 'json']);
    expect((JSON.parse(withoutVault.stdout) as { findings: Finding[] }).findings).toMatchObject([
      { check: 'vault', object: 'vault', severity: 'fault', command: expect.stringMatching(/VAULT_ADDR/) },
    ]);
    const url = installation.env['DATABASE_URL']!.replace(String(mariadb.port), '1');
    const withoutDatabase = await away({ DATABASE_URL: url }).run(['doctor', '-o', 'json']);
    expect((JSON.parse(withoutDatabase.stdout) as { findings: Finding[] }).findings).toMatchObject([
      { check: 'control-database', object: 'control database', command: expect.stringMatching(/DATABASE_URL/) },
    ]);
    expect([withoutVault.code, withoutDatabase.code]).toEqual([1, 1]);
  });
});
