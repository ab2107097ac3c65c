import { createConnection } from 'mysql2/promise';
import type { EntityManager } from 'typeorm';
import { withApplyLock } from '../../../src/control-plane/apply-lock.ts';
import { type ControlPlane, createControlPlane } from '../../../src/control-plane/control-plane.ts';
import { reasonOfFailure } from '../../../src/database/database-failure.ts';
import { RevocationRecords } from '../../../src/revocation/revocation-records.ts';
import { collectingLog, tenantId } from '../../../src/testing/storage.ts';
import { mysqlConfig } from '../../support/fixtures/mysql-config.ts';
import type { GaleraCluster, GaleraNode } from '../../support/servers/galera.ts';
import { IS_FULL } from './form.ts';

const ROUNDS = IS_FULL ? 300 : 25;

/** The control database on three nodes, each of which takes writes. */
export function describeDatabases(cluster: () => GaleraCluster): void {
  let nodes: GaleraCluster['nodes'];
  const opened: ControlPlane[] = [];
  beforeAll(async () => {
    ({ nodes } = cluster());
    await nodes[0].sql('CREATE DATABASE shared');
    await withApplyLock(configOf(nodes[0]), () => controlPlaneOn(nodes[0]).migrate());
  });
  afterAll(async () => {
    await Promise.all(opened.map((one) => one.close()));
  });

  const configOf = (node: GaleraNode) => mysqlConfig(node, 'shared', '/nonexistent');
  const controlPlaneOn = (node: GaleraNode): ControlPlane => {
    const made = createControlPlane(configOf(node), collectingLog().log);
    opened.push(made);
    return made;
  };

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
        'CREATE TABLE shared.counted (id INT PRIMARY KEY, value INT NOT NULL)',
        'INSERT INTO shared.counted VALUES (1, 0)',
      );
      const conflictsBefore = await conflicts(nodes);
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
      const [row] = await nodes[2].sql('SET SESSION wsrep_sync_wait = 1', 'SELECT value FROM shared.counted');
      expect(row?.['value']).toBe(nodes.length * ROUNDS * 2);
      // Without conflicts the test would show nothing.
      expect(await conflicts(nodes)).toBeGreaterThan(conflictsBefore);
    });

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
    });
  });
}

/** Transactions that were undone because of another node's, on all nodes. */
async function conflicts(nodes: GaleraCluster['nodes']): Promise<number> {
  const counts = await Promise.all(
    nodes.flatMap((node) => ['wsrep_local_cert_failures', 'wsrep_local_bf_aborts'].map((name) => node.status(name))),
  );
  return counts.reduce((sum, count) => sum + Number(count), 0);
}
