import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { refusalOf } from '../testing/refusal.ts';
import { collectingLog, storageConfig, temporaryFolder, tenantDraft } from '../testing/storage.ts';
import { unavailable } from '../errors/tessera-error.ts';
import { createControlFileSource } from './control-database.ts';
import { ControlPlane, startControlPlane } from './control-plane.ts';
import { ControlPlaneWriter } from '../provisioning/apply/control-plane.writer.ts';
import type { Database } from '../database/database.ts';
import { TenantEntity } from './entities/tenant.entity.ts';

describe('the embedded control plane', () => {
  const folder = temporaryFolder();
  const dataDirectory = join(folder.path, 'data');
  afterAll(() => {
    folder.remove();
  });

  it('is created and migrated by the server itself, readable only by its user', async () => {
    const controlPlane = await startControlPlane(storageConfig(dataDirectory), collectingLog().log);
    await controlPlane.check();
    await new ControlPlaneWriter(controlPlane).saveTenant(tenantDraft('acme'));
    expect(statSync(dataDirectory).mode & 0o777).toBe(0o700);
    const databaseFiles = readdirSync(dataDirectory).filter((name) => name.startsWith('control.sqlite'));
    expect(databaseFiles).toContain('control.sqlite-wal');
    for (const name of databaseFiles) expect(statSync(join(dataDirectory, name)).mode & 0o777).toBe(0o600);
    await controlPlane.close();
  });

  it('does not mix a statement into a running transaction: rolling back one keeps the other', async () => {
    const controlPlane = await startControlPlane(storageConfig(dataDirectory), collectingLog().log);
    let write: Promise<unknown> = Promise.resolve();
    const undone = controlPlane.transaction(async (manager) => {
      write = controlPlane.query('UPDATE tenants SET name = ? WHERE id = ?', ['kept', 'acme']);
      await manager.update(TenantEntity, { id: 'acme' }, { status: 'suspended' });
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error('undo');
    });
    await refusalOf(undone);
    await write;
    const [row] = await controlPlane.query('SELECT name, status FROM tenants WHERE id = ?', ['acme']);
    expect(row).toEqual({ name: 'kept', status: 'active' });
    await controlPlane.close();
  });

  it('waits for the write of another process without blocking other work', async () => {
    const config = storageConfig(dataDirectory);
    const server = await startControlPlane(config, collectingLog().log);
    const command = await startControlPlane(config, collectingLog().log);
    let waited = false;
    let write: Promise<unknown> = Promise.resolve();
    await command.transaction(async (manager) => {
      await manager.update(TenantEntity, { id: 'acme' }, { name: 'by the command' });
      write = server.query('UPDATE tenants SET status = ? WHERE id = ?', ['suspended', 'acme']);
      // Reads do not wait for it, and the event loop is not blocked.
      await new Promise((resolve) => setTimeout(resolve, 20));
      waited = true;
    });
    expect(waited).toBe(true);
    await write;
    const [row] = await server.query('SELECT name, status FROM tenants WHERE id = ?', ['acme']);
    expect(row).toEqual({ name: 'by the command', status: 'suspended' });
    await command.close();
    await server.close();
  });
});

describe('a control plane whose database is unavailable', () => {
  it('is unavailable, opened by one attempt at a time, and available once it opens', async () => {
    const folder = temporaryFolder();
    let attempts = 0;
    let failure: Error | undefined = unavailable('control database', 'connection refused');
    const open = async (): Promise<Database> => {
      attempts += 1;
      await Promise.resolve();
      if (failure !== undefined) throw failure;
      return createControlFileSource(join(folder.path, 'control.sqlite')).open();
    };
    const controlPlane = new ControlPlane({ open }, collectingLog().log);
    await controlPlane.start();
    const refusals = await Promise.all(Array.from({ length: 10 }, () => refusalOf(controlPlane.query('SELECT 1'))));
    expect(refusals[0]?.reason).toBe('control database: connection refused');
    expect(attempts).toBe(2);
    failure = undefined;
    expect(await controlPlane.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await controlPlane.close();
    folder.remove();
  });
});
