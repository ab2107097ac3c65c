import { OperatorError } from '../errors/operator-error.ts';
import { stateOf } from '../keys/key-ring.ts';
import { rotate } from '../keys/key-ring.transitions.ts';
import { newSigningKey } from '../keys/new-signing-key.ts';
import { epochSeconds } from '../domain/clock.ts';
import type { TenantId } from '../domain/ids.ts';
import { mapConcurrently } from '../provisioning/map-concurrently.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { explainError } from './explain-error.ts';
import { announce, type Installation, withReadOnly, withWritable } from './installation.ts';
import { keyRingChange } from './key-ring-change.ts';
import { Progress } from './progress.ts';
import { type OutputFormat, printJson, printLines, type Terminal } from './terminal.ts';

interface Outcome {
  readonly tenantId: TenantId;
  /** `waiting`: its ring has a next key already, so another run has rotated it. */
  readonly result: 'rotated' | 'waiting' | 'failed';
  readonly reason?: string;
}

/** What `--all` rotates: the tenants' ids and the algorithms of their new keys. */
type Rotated = Pick<Tenant, 'id' | 'tokens'>;

/**
 * Rotates the keys of every tenant, a few at a time. A tenant that fails does not stop the others, and one that has a next key is left as it is: a run
 * that was interrupted is completed by the next.
 */
export async function rotateAllKeys(
  { lead, output }: { readonly lead?: number; readonly output: OutputFormat },
  terminal: Terminal,
): Promise<void> {
  const config = terminal.loadConfig();
  const tenants = await withReadOnly(config, async ({ controlPlane }) =>
    (await controlPlane.readTenants()).map(({ tenant: { id, tokens } }): Rotated => ({ id, tokens })),
  );
  const intended = tenants.map(({ id }) => ({
    tenantId: id,
    changes: [{ action: 'update', kind: 'key_ring', id }] as const,
  }));
  const progress = new Progress(terminal);
  const outcomes = await withWritable(config, terminal, intended, (stores) =>
    mapConcurrently(
      tenants,
      (done, total) => {
        progress.show('rotating keys', done, total);
      },
      (tenant) => rotateOne(tenant, lead, stores),
    ),
  ).finally(() => {
    progress.end();
  });
  print(outcomes, output, terminal);
}

async function rotateOne({ id, tokens }: Rotated, lead: number | undefined, stores: Installation): Promise<Outcome> {
  try {
    const key = await newSigningKey(tokens.algorithm);
    const now = epochSeconds(stores.clock.nowMs());
    const stored = await stores.keyRings.read(id);
    if (stored?.ring.keys.some((known) => stateOf(known, now) === 'next')) return { tenantId: id, result: 'waiting' };
    const written = await stores.keyRings.update(id, (ring) => rotate(ring, key, now, lead));
    if ('refusal' in written) throw new OperatorError(written.refusal);
    stores.changes.note(id, [keyRingChange(id, stored?.ring, written.ring, now)]);
    await announce(stores, id, 'The key ring was changed');
    return { tenantId: id, result: 'rotated' };
  } catch (error) {
    stores.changes.noteFailure(id, error);
    return { tenantId: id, result: 'failed', reason: explainError(error) };
  }
}

function print(outcomes: readonly Outcome[], output: OutputFormat, { stdout, stderr }: Terminal): void {
  const ids = (wanted: Outcome['result']) =>
    outcomes.filter(({ result }) => result === wanted).map(({ tenantId }) => tenantId);
  const failures = outcomes.filter(({ result }) => result === 'failed');
  if (output === 'json')
    printJson(stdout, {
      rotated: ids('rotated'),
      waiting: ids('waiting'),
      failed: failures.map(({ tenantId, reason }) => ({ tenant_id: tenantId, reason })),
    });
  else
    printLines(stdout, [
      `${ids('rotated').length} key rings rotated, ${ids('waiting').length} with a next key already, ${failures.length} failed`,
    ]);
  if (failures.length === 0) return;
  for (const { tenantId, reason } of failures) stderr.write(`tenant "${tenantId}": ${reason ?? ''}\n`);
  throw new OperatorError('Correct the problems above and run the command again: it rotates those that are left.');
}
