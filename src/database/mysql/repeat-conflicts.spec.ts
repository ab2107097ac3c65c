import { jest } from '@jest/globals';
import { refusalOf } from '../../testing/refusal.ts';
import { databaseFailure } from '../database-failure.ts';
import { pauseMs, repeatConflicts } from './repeat-conflicts.ts';

const ATTEMPT_MS = 100;
const REPEAT_FOR_MS = 2_000;

/** The clock stands still but for the attempts, so that their number does not depend on the machine. */
let nowMs = 0;
beforeEach(() => {
  nowMs = 5_000;
  jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
});
afterEach(() => {
  jest.restoreAllMocks();
});

const failed = (code: string) => databaseFailure('control database', Object.assign(new Error('MARKED'), { code }));

/** Attempts that take `ATTEMPT_MS` each. The first `failures` of them fail with the error. */
function attempts(error: Error, failures = Infinity) {
  const leftMs: number[] = [];
  const transact = (left: number): Promise<string> => {
    leftMs.push(left);
    nowMs += ATTEMPT_MS;
    return leftMs.length > failures ? Promise.resolve('done') : Promise.reject(error);
  };
  return { leftMs, transact };
}

describe('a transaction that the server has undone because of another one', () => {
  it.each(['ER_LOCK_DEADLOCK', 'ER_TRANSACTION_ROLLBACK_DURING_COMMIT'])(
    'is repeated after %s until it succeeds, each time with the time that is left',
    async (code) => {
      const { leftMs, transact } = attempts(failed(code), 3);
      await expect(repeatConflicts(45_000, transact)).resolves.toBe('done');
      expect(leftMs).toEqual([45_000, 44_900, 44_800, 44_700]);
    },
  );

  it('is repeated for 2 s, and is then unavailable as busy', async () => {
    const { leftMs, transact } = attempts(failed('ER_LOCK_DEADLOCK'));
    const refusal = await refusalOf(repeatConflicts(45_000, transact));
    expect(refusal).toMatchObject({ code: 'temporarily_unavailable', reason: 'control database: busy' });
    expect(leftMs).toHaveLength(REPEAT_FOR_MS / ATTEMPT_MS);
  });

  it('is not repeated past its own limit', async () => {
    const { leftMs, transact } = attempts(failed('ER_LOCK_DEADLOCK'));
    await refusalOf(repeatConflicts(ATTEMPT_MS * 3, transact));
    expect(leftMs.at(-1)).toBeGreaterThan(0);
    expect(leftMs.length).toBeLessThanOrEqual(3);
  });
});

describe('a transaction that failed otherwise', () => {
  it.each([
    ['after a wait for a lock, because the server has undone one statement only', 'ER_LOCK_WAIT_TIMEOUT'],
    ['after a lost connection, because it may have been committed', 'PROTOCOL_CONNECTION_LOST'],
    ['without an answer in time, because it may have been committed', 'ETIMEDOUT'],
    ['at a killed connection', 'ER_SERVER_SHUTDOWN'],
    ['at a constraint', 'ER_DUP_ENTRY'],
    ['at a server that takes no writes', 'ER_OPTION_PREVENTS_STATEMENT'],
    ['at a node that is not ready', 'ER_UNKNOWN_COM_ERROR'],
  ])('is not repeated %s', async (_when, code) => {
    const error = failed(code);
    const { leftMs, transact } = attempts(error);
    await expect(repeatConflicts(45_000, transact)).rejects.toBe(error);
    expect(leftMs).toHaveLength(1);
  });

  it('is not repeated after an error of its own work', async () => {
    const error = new Error('the lock was taken over');
    const { leftMs, transact } = attempts(error);
    await expect(repeatConflicts(45_000, transact)).rejects.toBe(error);
    expect(leftMs).toHaveLength(1);
  });
});

describe('the pause before the next attempt', () => {
  it('is shorter for whoever has lost often, and never zero for all', () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.5);
    expect([1, 2, 3, 6, 100].map(pauseMs)).toEqual([30, 15, 10, 5, 5]);
  });
});
