import type { EntityManager } from 'typeorm';

/** @throws OperatorError if the lock was lost: another process may hold it, and the plan may be outdated */
export type AssertHeld = () => Promise<void>;

/** Keeps a process that has lost the apply lock from committing what it planned under it. */
export interface WriteFence {
  /**
   * Call it last in a transaction. Whoever takes over the lock writes the same row, so of the two transactions one waits for the other, or is undone.
   *
   * @returns whether the lock is still held; if not, the transaction must not commit
   */
  isHeldIn(manager: EntityManager): Promise<boolean>;
}

/** For writes that need no lock, and for an embedded database, whose lock cannot be lost. */
export const NO_FENCE: WriteFence = Object.freeze({ isHeldIn: () => Promise.resolve(true) });
