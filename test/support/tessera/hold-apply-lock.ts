import { withApplyLock } from '../../../src/control-plane/apply-lock.ts';
import { mysqlConfig } from '../fixtures/mysql-config.ts';

/** Holds the apply lock of a control database until it is killed. Arguments: port, root's password, database. */
const [port, rootPassword, database] = process.argv.slice(2);
const server = { host: '127.0.0.1', port: Number(port), rootPassword: rootPassword! } as const;
await withApplyLock(mysqlConfig(server, database!, '/nonexistent'), async () => {
  process.stdout.write('held\n');
  await new Promise(() => setInterval(() => undefined, 1000));
});
