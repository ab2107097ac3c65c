import { jest } from '@jest/globals';
import { TesseraError } from '../errors/tessera-error.ts';
import { Log } from '../logging/log.ts';
import { ManualClock } from '../testing/storage.ts';
import { type AuditFacts, type AuditRecord, AuditStore, type RecordKey } from './audit-record.ts';
import { AuditTrail } from './audit-trail.ts';
import { AuditedWork, Auditor } from './auditor.ts';
import { writeAccessLine } from '../http/access-line.ts';
import { RequestContext } from '../http/request-context.ts';

const ANSWER_MS = 3_000;
const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const silent = new Log('silent', { write: () => undefined });

/** Takes so long for each call, from which on it is written: like a database that stands still for a while. */
class SlowStore extends AuditStore {
  readonly records: AuditRecord[] = [];
  readonly #ms: number;
  constructor(ms: number) {
    super();
    this.#ms = ms;
  }
  override async append(records: readonly AuditRecord[]): Promise<void> {
    // As they are now: a statement has its values when it is sent.
    const sent = records.map((record) => ({ ...record }));
    await delay(this.#ms);
    this.records.push(...sent);
  }
  override markUnreleased(keys: readonly RecordKey[], reason: string): Promise<void> {
    for (const key of keys)
      for (const [place, record] of this.records.entries())
        if (record.outcome === 'issued' && record.tokenId === key.tokenId && record.at === key.at)
          this.records[place] = { ...record, outcome: 'temporarily_unavailable', reason };
    return Promise.resolve();
  }
}

class Work extends AuditedWork {
  readonly #facts: AuditFacts;
  constructor(facts: AuditFacts = {}) {
    super({ requestId: 'r1', route: 'r', source: 's', conclusion: undefined });
    this.#facts = facts;
  }
  override facts(): AuditFacts {
    return this.#facts;
  }
}

function run(store: AuditStore, steps: () => Promise<string>) {
  return settled(outcomeOf(store, steps));
}

async function outcomeOf(store: AuditStore, steps: () => Promise<string>) {
  const work = new Work();
  const startedAt = performance.now();
  const outcome = await new Auditor(new AuditTrail(store), new ManualClock(), silent).run(work, steps()).then(
    (value) => value,
    (error: unknown) => (error instanceof TesseraError ? error.reason : error),
  );
  return { outcome, request: work.request, ms: performance.now() - startedAt };
}

// Time passes only when a test lets it pass: no result depends on the machine. One clock for all tests, because the time limits keep their timers.
beforeAll(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
});
afterAll(() => {
  jest.useRealTimers();
});

/** Lets time pass until the work has ended. */
async function settled<T>(work: Promise<T>): Promise<T> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  work.then(end, end);
  while (!isOver) await jest.advanceTimersByTimeAsync(10);
  return work;
}

describe('an audited request', () => {
  it('shows what is established before it has ended, for the log line of a client that hangs up', () => {
    const work = new Work({ tenantId: 'acme', clientId: 'web' });
    const auditor = new Auditor(new AuditTrail(new SlowStore(0)), new ManualClock(), silent);
    void auditor.run(work, Promise.resolve());
    const context = new RequestContext('r1', 'POST /x', { source: 's', network: 's' }, undefined, 0);
    context.work = work.request.work;
    const lines: string[] = [];
    writeAccessLine(new Log('debug', { write: (line) => lines.push(line) }), context, 'aborted', undefined, 1);
    expect(JSON.parse(lines.join(''))).toMatchObject({ outcome: 'aborted', tenant_id: 'acme', client_id: 'web' });
  });

  it('gives what the steps give', async () => {
    const store = new SlowStore(0);
    expect((await run(store, () => Promise.resolve('token'))).outcome).toBe('token');
    expect(store.records).toEqual([]);
  });

  it('records a refusal before it passes it on', async () => {
    const store = new SlowStore(20);
    await run(store, () => Promise.reject(new TesseraError('unauthorized', 'the secret does not match')));
    expect(store.records).toMatchObject([{ outcome: 'unauthorized', reason: 'the secret does not match' }]);
  });

  it('answers in time when one slow dependency comes after the other', async () => {
    const store = new SlowStore(0);
    const { outcome, request, ms } = await run(store, async () => {
      await delay(1_500);
      await delay(1_500);
      return 'too late';
    });
    expect(outcome).toBe('token: not made in time');
    expect(ms).toBeLessThan(ANSWER_MS);
    expect(request.conclusion?.outcome).toBe('temporarily_unavailable');
    expect(store.records).toMatchObject([{ outcome: 'temporarily_unavailable' }]);
  });

  it('does not wait for a store that does not answer, whose record follows when it does', async () => {
    const store = new SlowStore(1_500);
    const { outcome, ms } = await run(store, async () => {
      await delay(1_500);
      throw new TesseraError('temporarily_unavailable', 'audit: no answer in time', { retryAfterSeconds: 1 });
    });
    expect(outcome).toBe('audit: no answer in time');
    expect(ms).toBeLessThan(ANSWER_MS - 500);
    await settled(delay(1_300));
    expect(store.records).toMatchObject([{ requestId: 'r1' }]);
  });

  describe('whose steps end after the time limit', () => {
    /** One request that needs so long to come to its token, and whose record is then written at the store's pace. */
    const mint = (store: SlowStore, stepsMs: number, trail = new AuditTrail(store)) =>
      settled(mintWith(store, stepsMs, trail));

    async function mintWith(store: SlowStore, stepsMs: number, trail: AuditTrail) {
      const work = new Work({ tenantId: 'acme', tokenId: 't1' });
      const auditor = new Auditor(trail, new ManualClock(), silent);
      const steps = async () => {
        await delay(stepsMs);
        await auditor.recordIssued(work);
      };
      const startedAt = performance.now();
      const outcome = await auditor.run(work, steps()).then(
        () => 200,
        (error: unknown) => (error as TesseraError).code,
      );
      const ms = performance.now() - startedAt;
      // Whatever is still under way comes to its end.
      await delay(2_500);
      await trail.drain();
      return { outcome, ms, issued: store.records.filter((record) => record.outcome === 'issued').length };
    }

    it('issues the token when its record is written while the verdict is waited for', async () => {
      expect(await mint(new SlowStore(1_200), 1_400)).toMatchObject({ outcome: 200, issued: 1 });
    });

    it.each([
      ['while the record is being written', 1_800, 1_500],
      ['before the record is begun', 0, 2_800],
      ['before the record is begun, by a slow store', 1_000, 2_500],
    ])('leaves no record of an issued token when it is refused %s', async (_, storeMs, stepsMs) => {
      const { ms, ...result } = await mint(new SlowStore(storeMs), stepsMs);
      expect(result).toEqual({ outcome: 'temporarily_unavailable', issued: 0 });
      expect(ms).toBeLessThan(ANSWER_MS);
    });

    it('leaves no record of an issued token when it is refused while the record waits for another one', async () => {
      const store = new SlowStore(3_000);
      const trail = new AuditTrail(store);
      void trail.append({ at: 1, requestId: 'other', route: 'r', source: 's', outcome: 'unauthorized' });
      await settled(delay(10));
      const { ms, ...result } = await mint(store, 100, trail);
      expect(result).toEqual({ outcome: 'temporarily_unavailable', issued: 0 });
      expect(ms).toBeLessThan(ANSWER_MS);
    });
  });
});
