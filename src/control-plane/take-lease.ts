import { setTimeout as delay } from 'node:timers/promises';
import type { Holder, Lease, LeaseRows } from './lease-rows.ts';
import { lockIsHeld } from './lock-errors.ts';

/** A holder without a sign of life for this time may be dead. By the clock of who waits: clocks of different machines are never compared. */
const SILENCE_MS = 5_000;

/** Several signs of life of a living holder. */
const LAST_CHANCE_MS = 2_000;

const LOOK_EVERY_MS = 250;

type WaitedRows = Pick<LeaseRows, 'read' | 'take' | 'commitNothing'>;

/**
 * Resolves when the lease is the caller's. The caller has the server's own lock.
 *
 * @param endsAt by `performance.now()`; it is tried once after that
 * @throws OperatorError if somebody else holds it until then
 */
export async function takeLease(rows: WaitedRows, own: Holder, endsAt: number): Promise<void> {
  let seen = await rows.read();
  let seenAt = performance.now();
  for (;;) {
    if (isFree(seen, own) && (await rows.take(seen, own))) return;
    if (performance.now() >= endsAt) throw lockIsHeld();
    await delay(LOOK_EVERY_MS);
    let now = await rows.read();
    if (isSame(now, seen) && performance.now() - seenAt >= SILENCE_MS) {
      now = await lookAfterCommit(rows);
      if (isSame(now, seen) && (await rows.take(seen, own))) return;
      now = await rows.read();
    }
    if (isSame(now, seen)) continue;
    seen = now;
    seenAt = performance.now();
  }
}

/** A holder with the lock of a connection to this server would still have it: the caller has it now. */
function isFree(seen: Lease, own: Holder): boolean {
  return seen.owner === '' || seen.server === own.server;
}

function isSame(one: Lease, other: Lease): boolean {
  return one.owner === other.owner && one.beats === other.beats;
}

/**
 * While a cluster changes a schema, or has just lost a node, nobody commits, and a living holder is silent too. So the silence counts only if the holder
 * stays silent after this process could commit.
 */
async function lookAfterCommit(rows: WaitedRows): Promise<Lease> {
  await rows.commitNothing();
  await delay(LAST_CHANCE_MS);
  return rows.read();
}
