import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SecretUseEntity } from '../../control-plane/entities/secret-use.entity.ts';
import { createControlFileSource } from '../../control-plane/control-database.ts';
import { refusalOf } from '../../testing/refusal.ts';
import { temporaryFolder } from '../../testing/storage.ts';
import { runMigrations } from '../migrations.ts';
import type { SqliteDatabase } from './sqlite-database.ts';
import type { SqliteDataSource } from './sqlite-data-source.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const use = (secretId: string, lastUsedAtMs = 1) => ({
  tenantId: 'acme',
  projectId: 'shop',
  clientId: 'web',
  secretId,
  lastUsedAtMs,
});

const folder = temporaryFolder();
afterAll(() => {
  folder.remove();
});

describe('repositories of a SQLite file', () => {
  let source: SqliteDataSource;
  let database: SqliteDatabase;
  beforeEach(async () => {
    rmSync(join(folder.path, 'control'), { recursive: true, force: true });
    source = createControlFileSource(join(folder.path, 'control', 'control.sqlite'));
    database = await source.open();
    await runMigrations(database);
  });
  afterEach(() => source.destroy());
  const names = async () => (await database.query('SELECT secret_id FROM secret_uses')).map((row) => row['secret_id']);

  it('wait for a running transaction: when it is rolled back, their rows stay', async () => {
    let insert: Promise<unknown> = Promise.resolve();
    const undone = database.transaction(async (manager) => {
      await manager.insert(SecretUseEntity, use('undone'));
      insert = source.getRepository(SecretUseEntity).insert(use('kept'));
      await turn();
      throw new Error('undo');
    });
    await refusalOf(undone);
    await insert;
    expect(await names()).toEqual(['kept']);
  });

  it('have their own transactions, for which the others wait', async () => {
    let other: Promise<unknown> = Promise.resolve();
    const undone = source.manager.transaction(async (manager) => {
      await manager.getRepository(SecretUseEntity).insert(use('undone'));
      other = database.query('INSERT INTO secret_uses VALUES (?, ?, ?, ?, ?)', Object.values(use('kept')));
      await turn();
      throw new Error('undo');
    });
    await expect(undone).rejects.toThrow('undo');
    await other;
    expect(await names()).toEqual(['kept']);
    await source.manager.transaction((manager) => manager.insert(SecretUseEntity, use('committed')));
    expect(await names()).toEqual(['kept', 'committed']);
  });

  it('reject with a TesseraError', async () => {
    const repository = source.getRepository(SecretUseEntity);
    await repository.insert(use('twice'));
    const refusal = await refusalOf(repository.insert(use('twice')));
    expect(refusal).toMatchObject({ code: 'temporarily_unavailable', reason: 'control database: constraint violated' });
  });

  it('release the queue after a failed statement', async () => {
    await refusalOf(source.query('SELECT no_such_column FROM secret_uses'));
    await refusalOf(source.manager.transaction((manager) => manager.query('SELECT no_such_column FROM secret_uses')));
    expect(await names()).toEqual([]);
  });
});

describe('the DataSource of a SQLite file', () => {
  it('is initialized by one attempt, which can be repeated after a failure', async () => {
    const obstacle = join(folder.path, 'obstacle');
    writeFileSync(obstacle, '');
    const source = createControlFileSource(join(obstacle, 'control.sqlite'));
    const first = source.initialize();
    expect(source.initialize()).toBe(first);
    expect((await refusalOf(first)).code).toBe('temporarily_unavailable');
    expect(source.isInitialized).toBe(false);
    rmSync(obstacle);
    mkdirSync(obstacle);
    await source.initialize();
    await source.initialize();
    expect(await source.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await source.destroy();
  });

  it('can be destroyed more than once, and opened again', async () => {
    const source = createControlFileSource(join(folder.path, 'again.sqlite'));
    await source.destroy();
    await source.initialize();
    await Promise.all([source.destroy(), source.destroy()]);
    expect(source.isInitialized).toBe(false);
    await refusalOf(source.query('SELECT 1'));
    expect(await (await source.open()).query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await source.destroy();
  });
});
