import { setTimeout as delay } from 'node:timers/promises';
import { TesseraError, unavailable } from '../errors/tessera-error.ts';
import { Log } from '../log/log.ts';
import { type AuditRecord, AuditStore, type AuditTrace } from './audit-record.ts';
import { AuditTrail } from './audit-trail.ts';
import { audited } from './audited.ts';

const ANSWER_MS = 3_000;
const silent = new Log('silent', { write: () => undefined });

class SlowStore extends AuditStore {
  readonly records: AuditRecord[] = [];
  readonly #ms: number;
  constructor(ms: number) {
    super();
    this.#ms = ms;
  }
  override async append(records: readonly AuditRecord[]): Promise<void> {
    await delay(this.#ms);
    this.records.push(...records);
  }
}

async function run(store: AuditStore, work: () => Promise<string>) {
  const trace: AuditTrace = { requestId: 'r1', route: 'r', source: 's' };
  const startedAt = performance.now();
  const outcome = await audited(new AuditTrail(store), silent, () => 1, trace, work).then(
    (value) => value,
    (error: unknown) => (error instanceof TesseraError ? error.reason : error),
  );
  return { outcome, trace, ms: performance.now() - startedAt };
}

describe('audited', () => {
  it('gives what the work gives', async () => {
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
    const { outcome, trace, ms } = await run(store, async () => {
      await delay(1_500);
      await delay(1_500);
      trace.outcome = 'issued';
      return 'too late';
    });
    expect(outcome).toBe('token: not made in time');
    expect(ms).toBeLessThan(ANSWER_MS);
    expect(trace.outcome).toBe('temporarily_unavailable');
    expect(store.records).toMatchObject([{ outcome: 'temporarily_unavailable' }]);
  });

  it('does not wait for a store that does not answer, whose record follows when it does', async () => {
    const store = new SlowStore(1_500);
    const { outcome, ms } = await run(store, async () => {
      await delay(1_500);
      throw unavailable('audit', 'no answer in time');
    });
    expect(outcome).toBe('audit: no answer in time');
    expect(ms).toBeLessThan(ANSWER_MS - 500);
    await delay(1_300);
    expect(store.records).toMatchObject([{ requestId: 'r1' }]);
  });
});
