import { setTimeout as delay } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import type { EntityManager } from 'typeorm';
import { ChangeRecords } from '../../../src/audit/change-trail.ts';
import { withApplyLock } from '../../../src/control-plane/apply-lock.ts';
import { type ControlPlane, createControlPlane } from '../../../src/control-plane/control-plane.ts';
import { reasonOfFailure } from '../../../src/database/database-failure.ts';
import { OperatorError } from '../../../src/errors/operator-error.ts';
import { ControlPlaneWriter } from '../../../src/provisioning/apply/control-plane.writer.ts';
import { RevocationRecords } from '../../../src/revocation/revocation-records.ts';
import { collectingLog, tenantDraft, tenantId } from '../../../src/testing/storage.ts';
import { mysqlConfig } from '../../support/fixtures/mysql-config.ts';
import { type GaleraCluster, type GaleraNode, startGalera } from '../../support/servers/galera.ts';
import { startProcess } from '../../support/servers/process.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';

/** The control database on three nodes, each of which takes writes: what holds on one server must hold here. */
const ROUNDS = process.env['TESSERA_CLUSTER_TEST'] === 'full' ? 200 : 25;
/** docs/operation.md promises it: a holder's silence, the last chance after it, and what the test itself takes. */
const TAKEN_OVER_WITHIN_MS = 12_000;

let cluster: GaleraCluster;
let nodes: GaleraCluster['nodes'];
const opened: ControlPlane[] = [];

beforeAll(async () => {
  cluster = await startGalera();
  ({ nodes } = cluster);
  await nodes[0].sql('CREATE DATABASE control');
  const first = controlPlaneOn(nodes[0]);
  await withApplyLock(configOf(nodes[0]), () => first.migrate());
}, 120_000);
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()));
  await cluster?.close();
}, 60_000);

function configOf(node: GaleraNode) {
  return mysqlConfig(node, 'control', '/nonexistent');
}

function controlPlaneOn(node: GaleraNode): ControlPlane {
  const made = createControlPlane(configOf(node), collectingLog().log);
  opened.push(made);
  return made;
}

describe('a node that lags behind', () => {
  it('answers no read with rows older than what another node has acknowledged', async () => {
    const [writing, reading] = [controlPlaneOn(nodes[0]), controlPlaneOn(nodes[1])];
    const sequence = async () =>
      Number((await reading.query('SELECT value FROM change_sequence WHERE id = 1'))[0]?.['value']);
    const before = await sequence();
    const lagging = await createConnection({
      host: '127.0.0.1',
      port: nodes[1].port,
      user: 'root',
      password: nodes[1].rootPassword,
    });
    await lagging.query('FLUSH TABLES WITH READ LOCK');
    try {
      await writing.query('UPDATE change_sequence SET value = value + 1 WHERE id = 1');
      const reason = await sequence().then(String, reasonOfFailure);
      expect(reason).toBe('no answer in time');
    } finally {
      await lagging.query('UNLOCK TABLES');
      lagging.destroy();
    }
    expect(await sequence()).toBe(before + 1);
  });
});

describe('writers of one row on different nodes', () => {
  it('all succeed, each after the other: what was undone is repeated', async () => {
    await nodes[0].sql(
      'CREATE TABLE control.counted (id INT PRIMARY KEY, value INT NOT NULL)',
      'INSERT INTO control.counted VALUES (1, 0)',
    );
    const conflictsBefore = await conflicts();
    const add = (one: ControlPlane) =>
      one.transaction(async (manager: EntityManager) => {
        const [row] = await manager.query<{ value: number }[]>('SELECT value FROM counted WHERE id = 1 FOR UPDATE');
        await manager.query('UPDATE counted SET value = ? WHERE id = 1', [row!.value + 1]);
      });
    await Promise.all(
      nodes.map(async (node) => {
        const one = controlPlaneOn(node);
        for (let round = 0; round < ROUNDS; round += 1) {
          await add(one);
          await one.query('UPDATE counted SET value = value + 1 WHERE id = 1');
        }
      }),
    );
    const [row] = await nodes[2].sql('SET SESSION wsrep_sync_wait = 1', 'SELECT value FROM control.counted');
    expect(row?.['value']).toBe(nodes.length * ROUNDS * 2);
    // Without conflicts the test would show nothing.
    expect(await conflicts()).toBeGreaterThan(conflictsBefore);
  }, 240_000);

  it('number revocations without a gap, in the order in which every node sees them', async () => {
    const records = nodes.map((node) => new RevocationRecords(controlPlaneOn(node)));
    const until = Math.floor(Date.now() / 1000) + 3600;
    const watching = new RevocationRecords(controlPlaneOn(nodes[2]));
    const seen: number[] = [];
    let isOver = false;
    const watch = async () => {
      // As servers poll: up to the last number, and then what follows it.
      for (let known = 0; !isOver || known < (await watching.sequence());) {
        const last = await watching.sequence();
        const newer = await watching.newerThan(known);
        seen.push(...newer.map(({ seq }) => seq));
        known = Math.max(last, newer.at(-1)?.seq ?? 0);
      }
    };
    const watched = watch();
    const written = Promise.all(
      records.map(async (one, node) => {
        for (let round = 0; round < ROUNDS; round += 1)
          await one.add([
            { tenantId: tenantId('acme'), kind: 'token', id: `${node}-${round}`, before: undefined, until },
          ]);
      }),
    );
    await written.finally(() => (isOver = true));
    await watched;
    expect(seen).toEqual(Array.from({ length: nodes.length * ROUNDS }, (_, index) => index + 1));
  }, 240_000);
});

describe('the apply lock', () => {
  it('is held by one process at a time, whatever node each uses', async () => {
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await delay(20);
      inside -= 1;
    };
    for (let round = 0; round < ROUNDS / 5; round += 1)
      await Promise.all(nodes.map((node) => withApplyLock(configOf(node), work)));
    expect(most).toBe(1);
  }, 240_000);

  it('stays with a holder that lives, and is taken over from a killed one', async () => {
    const holder = await startHolder(nodes[0]);
    const other = configOf(nodes[1]);
    await expect(withApplyLock(other, () => Promise.resolve(), 8_000)).rejects.toThrow(/Another process is changing/);
    await holder.end('SIGKILL');
    const killedAt = performance.now();
    await withApplyLock(other, () => Promise.resolve());
    expect(performance.now() - killedAt).toBeLessThan(TAKEN_OVER_WITHIN_MS);
  }, 60_000);

  it('is free at once for the process after a killed one on the same node', async () => {
    const holder = await startHolder(nodes[0]);
    await holder.end('SIGKILL');
    const killedAt = performance.now();
    await withApplyLock(configOf(nodes[0]), () => Promise.resolve());
    expect(performance.now() - killedAt).toBeLessThan(2_000);
  }, 60_000);

  it('lets no holder commit that has lost it, even in the middle of its transaction', async () => {
    const takeOver = () =>
      nodes[1].sql("UPDATE control.apply_lock SET owner = 'other', value = value + 1 WHERE name <> 'waiters'");
    const controlPlane = controlPlaneOn(nodes[0]);
    await withApplyLock(configOf(nodes[0]), async (assertHeld, fence) => {
      const draft = tenantDraft('fenced');
      await new ControlPlaneWriter(controlPlane, undefined, fence).saveTenant(draft);
      await assertHeld();
      const writer = new ControlPlaneWriter(controlPlane, new DuringTransaction(takeOver), fence);
      await expect(writer.removeTenant(draft.tenant.id, Date.now())).rejects.toThrow(OperatorError);
      await expect(writer.removeTenant(draft.tenant.id, Date.now())).rejects.toThrow(/taken over/);
      await expect(assertHeld()).rejects.toThrow(/taken over/);
    });
    const left = await new ControlPlaneWriter(controlPlane).readTenants();
    expect(left.map(({ tenant }) => tenant.id)).toContain('fenced');
    // A holder that has lost it does not release it for the new one.
    const [row] = await nodes[0].sql("SELECT owner FROM control.apply_lock WHERE name = 'beats'");
    expect(row?.['owner']).toBe('other');
  }, 60_000);
});

/** Does something while a transaction of the writer is open. */
class DuringTransaction extends ChangeRecords {
  readonly #work: () => Promise<unknown>;

  constructor(work: () => Promise<unknown>) {
    super();
    this.#work = work;
  }

  override async insertInto(): Promise<void> {
    await this.#work();
  }
}

/** Transactions that were undone because of another node's, on all nodes. */
async function conflicts(): Promise<number> {
  const counts = await Promise.all(
    nodes.flatMap((node) => ['wsrep_local_cert_failures', 'wsrep_local_bf_aborts'].map((name) => node.status(name))),
  );
  return counts.reduce((sum, count) => sum + Number(count), 0);
}

function startHolder(node: GaleraNode) {
  return startProcess(
    process.execPath,
    [
      '--import',
      './scripts/typescript.mjs',
      'test/support/tessera/hold-apply-lock.ts',
      ...[String(node.port), node.rootPassword, 'control'],
    ],
    { cwd: REPOSITORY, ready: (running) => running.output().includes('held') },
  );
}
