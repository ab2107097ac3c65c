import { JwtService } from '@nestjs/jwt';
import Database from 'better-sqlite3';
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secret } from '../../src/config/secret.ts';
import { KeyRingStore } from '../../src/keys/key-ring.store.ts';
import { SecondOpinion } from '../../src/keys/second-opinion.ts';
import { EmbeddedVault } from '../../src/vault/embedded/embedded-vault.ts';
import { parseTenantId } from '../../src/domain/ids.ts';
import { Canaries } from '../support/fixtures/canaries.ts';
import { TENANTS_FILE } from '../support/fixtures/tenants-file.ts';
import { startTessera, type TestTesseraServer } from '../support/tessera/tessera.ts';
import { replaceEach } from '../../libs/token/test/replace-once.ts';

/**
 * On the embedded stores. Secrets, addresses, private keys and the issued tokens are canaries. Every fault runs at debug level. No canary may be in a
 * log line, a response, a metric, an audit row or, except for the directories' own addresses, a file.
 */
let tessera: TestTesseraServer;
let canaries: Canaries;

beforeEach(async () => {
  canaries = new Canaries();
  tessera = await startTessera({
    tenantsFile: replaceEach(
      TENANTS_FILE,
      ['Ada@acme.example', email('a user')],
      ['root@acme.example', email('an administrator')],
    ),
  });
  canaries.add('a client secret', tessera.secret('acme/shop/anything'));
  canaries.add('the key of the embedded vault', readFileSync(file('vault.key'), 'latin1').trim());
  const vault = new EmbeddedVault(tessera.config.dataDirectory);
  for (const tenant of ['acme', 'globex']) {
    const stored = await new KeyRingStore(vault, new SecondOpinion(new JwtService())).read(parseTenantId(tenant)!);
    for (const { privateJwk } of stored!.ring.keys)
      canaries.add('a private key', (JSON.parse(Secret.reveal(privateJwk!)) as { d: string }).d);
  }
  await vault.close();
});
afterEach(() => tessera.close());

const file = (...path: string[]) => join(tessera.config.dataDirectory, ...path);
const email = (who: string) => canaries.once(`the address of ${who}`, (canary) => `${canary}@acme.example`);

async function ask(
  surface: 'admin' | 'user',
  changes: Readonly<Record<string, unknown>> = {},
): Promise<string | undefined> {
  const answer = await tessera.post(`/auth/${surface}/generateToken`, {
    tenant_id: 'acme',
    project_id: 'shop',
    client_id: 'anything',
    email_id: email(surface === 'user' ? 'a user' : 'an administrator'),
    secret_id: tessera.secret('acme/shop/anything'),
    ...changes,
  });
  const token = answer.body['access_token'] as string | undefined;
  if (token === undefined) canaries.search('a refusal', answer.text + JSON.stringify([...answer.headers]));
  // The signature makes it a token, and the payload holds an address. Neither may appear, not even in parts.
  else for (const part of token.split('.').slice(1)) canaries.add('a part of a token', part);
  return token;
}

async function exercise(): Promise<void> {
  const wrong = canaries.once('a wrong secret', (canary) => canary);
  for (const surface of ['user', 'admin'] as const) {
    const token = await ask(surface);
    await ask(surface, { secret_id: wrong });
    await ask(surface, { secret_id: [wrong] });
    await ask(surface, { email_id: email('nobody') });
    await ask(surface, { email_id: `${email('nobody')}@twice` });
    await ask(surface, { [wrong]: wrong });
    const other = surface === 'user' ? 'admin' : 'user';
    for (const bearer of [token, `${token}x`, wrong]) {
      // A subject may see its own profile with its address.
      await tessera.get(`/auth/${surface}/profile`, { authorization: `Bearer ${bearer}` });
      const refusal = await tessera.get(`/auth/${other}/profile?token=${bearer}`, {
        authorization: `Bearer ${bearer}`,
      });
      canaries.search('a refusal', refusal.text + JSON.stringify([...refusal.headers]));
    }
  }
}

function onDatabase(path: string, ...statements: readonly string[]): void {
  const database = new Database(path);
  for (const statement of statements) database.exec(statement);
  database.close();
}

function hide(path: string): () => void {
  renameSync(path, `${path}.hidden`);
  return () => {
    renameSync(`${path}.hidden`, path);
  };
}

function replace(path: string, content: Buffer): () => void {
  const before = readFileSync(path);
  writeFileSync(path, content);
  return () => {
    writeFileSync(path, before);
  };
}

const sealed = (...path: string[]) => file('vault', ...path.slice(0, -1), `${path.at(-1)}.sealed`);

/** Each starts a fault and returns how to end it. */
const faults: readonly (readonly [name: string, begin: () => () => void])[] = [
  ['nothing', () => () => undefined],
  ['a client’s entry that is cut off', () => replace(sealed('secret', 'acme', 'shop', 'anything'), Buffer.from('x'))],
  ['a key ring that is cut off', () => replace(sealed('keys', 'acme'), Buffer.from('x'))],
  [
    'the entries of another client',
    () => replace(sealed('secret', 'acme', 'shop', 'anything'), readFileSync(sealed('secret', 'acme', 'shop', 'web'))),
  ],
  ['a vault without its key', () => hide(file('vault.key'))],
  [
    'a vault with another key',
    () => replace(file('vault.key'), Buffer.from(readFileSync(file('vault.key'))).reverse()),
  ],
  ['a directory that lacks a table', () => onDatabaseAndBack(file('tenants', 'acme.sqlite'), 'tessera_users')],
  ['an audit that lacks its table', () => onDatabaseAndBack(file('control.sqlite'), 'audit_records')],
  [
    'a malformed row',
    () => {
      const canary = canaries.plant('what stands in a malformed row');
      onDatabase(file('control.sqlite'), `UPDATE administrators SET roles = roles || '${canary}'`);
      return () => {
        onDatabase(file('control.sqlite'), `UPDATE administrators SET roles = replace(roles, '${canary}', '')`);
        // Deleted data stays in the pages of the file. That is allowed.
        onDatabase(file('control.sqlite'), 'VACUUM', 'PRAGMA wal_checkpoint(TRUNCATE)');
      };
    },
  ],
];

function onDatabaseAndBack(path: string, table: string): () => void {
  onDatabase(path, `ALTER TABLE ${table} RENAME TO hidden`);
  return () => {
    onDatabase(path, `ALTER TABLE hidden RENAME TO ${table}`);
  };
}

it.each(faults)('nothing leaks with %s', async (_, begin) => {
  await exercise();
  const end = begin();
  try {
    await exercise();
    // Later than every maximum age.
    tessera.clock.advanceSeconds(120);
    await exercise();
  } finally {
    end();
  }
  tessera.clock.advanceSeconds(5);
  expect(await ask('user')).toBeDefined();
  expect(await ask('admin')).toBeDefined();

  canaries.search('the log', tessera.log());
  canaries.search('the metrics', (await tessera.get('/metrics')).text);
  onAudit((rows) => {
    expect(rows.length).toBeGreaterThan(5);
    canaries.search('the audit', JSON.stringify(rows));
  });
  for (const name of readdirSync(tessera.config.dataDirectory, { recursive: true, encoding: 'utf8' })) {
    const path = file(name);
    if (!statSync(path).isFile() || name === 'vault.key') continue;
    canaries.search(`the file ${name}`, readFileSync(path, 'latin1'), { allow: /^the address of |^what stands in/ });
  }
  expect(canaries.found).toEqual([]);
});

function onAudit(look: (rows: readonly unknown[]) => void): void {
  const database = new Database(file('control.sqlite'), { readonly: true });
  try {
    look(database.prepare('SELECT * FROM audit_records').all());
  } finally {
    database.close();
  }
}
