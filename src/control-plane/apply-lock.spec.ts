import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { storageConfig, temporaryFolder } from '../testing/storage.ts';
import { OperatorError } from '../errors/operator-error.ts';
import { withApplyLock } from './apply-lock.ts';

describe('the apply lock of an embedded installation', () => {
  const folder = temporaryFolder();
  const config = storageConfig(join(folder.path, 'data'));
  afterAll(() => {
    folder.remove();
  });

  it('lets holders work one after the other', async () => {
    const order: string[] = [];
    const work = (name: string) => async () => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`${name} ends`);
    };
    await Promise.all([withApplyLock(config, work('a')), withApplyLock(config, work('b'))]);
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  });

  it('refuses after a long wait, with the fix', async () => {
    await withApplyLock(config, async () => {
      const second = withApplyLock(config, () => Promise.resolve(), 0);
      await expect(second).rejects.toThrow(OperatorError);
      await expect(second).rejects.toThrow(/Run the command again/);
    });
  });

  it('is free again after an error', async () => {
    await expect(withApplyLock(config, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    await withApplyLock(config, () => Promise.resolve(), 0);
  });

  it('is released when the process that holds it ends, even by kill -9', async () => {
    const script = `
      const lock = new (require('better-sqlite3'))(${JSON.stringify(join(config.dataDirectory, 'apply.lock'))});
      lock.exec('BEGIN EXCLUSIVE');
      console.log('held');
      setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    await expect(withApplyLock(config, () => Promise.resolve(), 0)).rejects.toThrow(OperatorError);
    holder.kill('SIGKILL');
    await once(holder, 'close');
    await withApplyLock(config, () => Promise.resolve(), 0);
  });
});
