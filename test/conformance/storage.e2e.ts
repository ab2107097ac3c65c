import BetterSqlite3 from 'better-sqlite3';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ControlPlane } from '../../src/control-plane/control-plane.ts';
import { createControlFileSource } from '../../src/control-plane/control-database.ts';
import { openSqliteDatabase } from '../../src/database/sqlite/sqlite-data-source.ts';
import { TENANT_DATABASE, tenantDatabaseFile } from '../../src/tenancy/tenant-database.ts';
import { EmbeddedVault } from '../../src/vault/embedded/embedded-vault.ts';
import { REPOSITORY } from '../support/servers/required-servers.ts';
import { collectingLog, embeddedControlPlane, temporaryFolder } from '../../src/testing/storage.ts';
import { controlPlaneConformance } from './control-plane.ts';
import { directoryConformance } from './directory.ts';

controlPlaneConformance('SqliteDatabase', async () => {
  const folder = temporaryFolder();
  return {
    controlPlane: await embeddedControlPlane(folder.path),
    another: () => new ControlPlane(createControlFileSource(join(folder.path, 'control.sqlite')), collectingLog().log),
    close: () => {
      folder.remove();
      return Promise.resolve();
    },
  };
});

directoryConformance('SqliteDatabase', () => {
  const folder = temporaryFolder();
  return Promise.resolve({
    dataDirectory: folder.path,
    vault: new EmbeddedVault(folder.path),
    newDatabase: () => Promise.resolve({ driver: 'sqlite' as const }),
    byHand: (tenant, statement) => {
      const database = new BetterSqlite3(tenantDatabaseFile(folder.path, tenant.id));
      database.exec(statement);
      database.close();
      return Promise.resolve();
    },
    openDatabase: ({ id }, schema) =>
      openSqliteDatabase({
        name: TENANT_DATABASE,
        file: tenantDatabaseFile(folder.path, id),
        schema,
        create: true,
      }),
    close: () => {
      folder.remove();
      return Promise.resolve();
    },
  });
});

describe('the conformance suites of storage', () => {
  it('are run for every kind of database', async () => {
    const adapters = await matches('src', /class (\w+) extends Database\b/g);
    expect(adapters).toEqual(['MysqlDatabase', 'SqliteDatabase']);
    expect(await matches('test', /^controlPlaneConformance\('(\w+)',/gm)).toEqual(adapters);
    expect(await matches('test', /^directoryConformance\('(\w+)',/gm)).toEqual(adapters);
  });
});

async function matches(folder: string, pattern: RegExp): Promise<string[]> {
  const files = await readdir(join(REPOSITORY, folder), { recursive: true });
  const texts = await Promise.all(
    files.filter((file) => file.endsWith('.ts')).map((file) => readFile(join(REPOSITORY, folder, file), 'utf8')),
  );
  return texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => name!)).sort();
}
