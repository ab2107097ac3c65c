import { setTimeout as delay } from 'node:timers/promises';
import { ChangeRecords } from '../../../src/audit/changes/change-trail.ts';
import { withApplyLock } from '../../../src/control-plane/apply-lock.ts';
import { type ControlPlane, createControlPlane } from '../../../src/control-plane/control-plane.ts';
import { OperatorError } from '../../../src/errors/operator-error.ts';
import { ControlPlaneWriter } from '../../../src/provisioning/apply/control-plane.writer.ts';
import { collectingLog, tenantDraft } from '../../../src/testing/storage.ts';
import { mysqlConfig } from '../../support/fixtures/mysql-config.ts';
import type { GaleraCluster, GaleraNode } from '../../support/servers/galera.ts';
import { startProcess } from '../../support/servers/process.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';
import { IS_FULL } from './form.ts';
import { startStopwatch } from '../../../libs/token/test/stopwatch.ts';

const ROUNDS = IS_FULL ? 50 : 5;
/** docs/operation.md promises it: a holder's silence, the last chance after it, and what the test itself takes. */
const TAKEN_OVER_WITHIN_MS = 10_000;

/** The lock of commands that change an installation, at three nodes of its control database. */
export function describeApplyLock(cluster: () => GaleraCluster): void {
  let nodes: GaleraCluster['nodes'];
  const opened: ControlPlane[] = [];
  beforeAll(async () => {
    ({ nodes } = cluster());
    await nodes[0].sql('CREATE DATABASE locked');
    await withApplyLock(configOf(nodes[0]), () => controlPlaneOn(nodes[0]).migrate());
  });
  afterAll(async () => {
    await Promise.all(opened.map((one) => one.close()));
  });

  const configOf = (node: GaleraNode) => mysqlConfig(node, 'locked', '/nonexistent');
  const controlPlaneOn = (node: GaleraNode): ControlPlane => {
    const made = createControlPlane(configOf(node), collectingLog().log);
    opened.push(made);
    return made;
  };

  it('is held by one process at a time, whatever node each uses', async () => {
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await delay(20);
      inside -= 1;
    };
    for (let round = 0; round < ROUNDS; round += 1)
      await Promise.all(nodes.map((node) => withApplyLock(configOf(node), work)));
    expect(most).toBe(1);
  });

  it('stays with a holder that lives, and is taken over from a killed one', async () => {
    const holder = await startHolder(nodes[0]);
    const other = configOf(nodes[1]);
    await expect(withApplyLock(other, () => Promise.resolve(), 6_000)).rejects.toThrow(/Another process is changing/);
    await holder.end('SIGKILL');
    const stopwatch = startStopwatch();
    await withApplyLock(other, () => Promise.resolve());
    expect(stopwatch.stop()).toBeLessThan(TAKEN_OVER_WITHIN_MS);
  });

  it('is free at once for the process after a killed one on the same node', async () => {
    const holder = await startHolder(nodes[0]);
    await holder.end('SIGKILL');
    const stopwatch = startStopwatch();
    await withApplyLock(configOf(nodes[0]), () => Promise.resolve());
    expect(stopwatch.stop()).toBeLessThan(2_000);
  });

  it('lets no holder commit that has lost it, even in the middle of its transaction', async () => {
    const takeOver = () =>
      nodes[1].sql("UPDATE locked.apply_lock SET owner = 'other', value = value + 1 WHERE name <> 'waiters'");
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
    const [row] = await nodes[0].sql("SELECT owner FROM locked.apply_lock WHERE name = 'beats'");
    expect(row?.['owner']).toBe('other');
  });
}

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

function startHolder(node: GaleraNode) {
  return startProcess(
    process.execPath,
    [
      '--import',
      './scripts/typescript.mjs',
      'test/support/tessera/hold-apply-lock.ts',
      ...[String(node.port), node.rootPassword, 'locked'],
    ],
    { cwd: REPOSITORY, ready: (running) => running.output().includes('held') },
  );
}
