import { TesseraError } from '../errors/tessera-error.ts';
import { type AuditRecord, AuditStore, type RecordKey } from './audit-record.ts';
import { AuditTrail } from './audit-trail.ts';

/** A store whose calls the test answers itself, one after the other. */
class HeldStore extends AuditStore {
  readonly calls: {
    readonly records: readonly AuditRecord[];
    readonly answer: () => void;
    readonly fail: (error: Error) => void;
  }[] = [];

  readonly unreleased: RecordKey[] = [];

  override markUnreleased(records: readonly RecordKey[]): Promise<void> {
    this.unreleased.push(...records);
    return Promise.resolve();
  }

  override append(records: readonly AuditRecord[]): Promise<void> {
    return new Promise((resolve, reject) => this.calls.push({ records, answer: resolve, fail: reject }));
  }
}

const record = (requestId: string): AuditRecord => ({ at: 1, requestId, route: 'r', source: 's', outcome: 'issued' });
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('AuditTrail', () => {
  it('writes what one turn of the event loop produced in one call', async () => {
    const store = new HeldStore();
    const trail = new AuditTrail(store);
    const appended = [trail.append(record('1')), trail.append(record('2')), trail.append(record('3'))];
    await turn();
    expect(store.calls.map((call) => call.records.length)).toEqual([3]);
    store.calls[0]!.answer();
    await Promise.all(appended);
  });

  it('does not resolve before the store has answered', async () => {
    const store = new HeldStore();
    const trail = new AuditTrail(store);
    let resolved = false;
    const appended = trail.append(record('1')).then(() => (resolved = true));
    await turn();
    expect(resolved).toBe(false);
    store.calls[0]!.answer();
    await appended;
    expect(resolved).toBe(true);
  });

  it('has one call in flight, and the next takes all that came meanwhile', async () => {
    const store = new HeldStore();
    const trail = new AuditTrail(store);
    const first = trail.append(record('1'));
    await turn();
    const others = [trail.append(record('2')), trail.append(record('3'))];
    await turn();
    expect(store.calls).toHaveLength(1);
    store.calls[0]!.answer();
    await first;
    await turn();
    expect(store.calls[1]!.records.map(({ requestId }) => requestId)).toEqual(['2', '3']);
    store.calls[1]!.answer();
    await Promise.all(others);
  });

  it('refuses all who wait when the store fails, and goes on with the next', async () => {
    const store = new HeldStore();
    const trail = new AuditTrail(store);
    const first = trail.append(record('1'));
    await turn();
    const second = trail.append(record('2'));
    store.calls[0]!.fail(new Error('gone'));
    for (const refused of await Promise.allSettled([first, second])) {
      expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'temporarily_unavailable' } });
    }
    const third = trail.append(record('3'));
    await turn();
    store.calls[1]!.answer();
    await expect(third).resolves.toBeUndefined();
  });

  it('corrects what a failed call may have written, when that says that a token was issued', async () => {
    const store = new HeldStore();
    const trail = new AuditTrail(store);
    const appended = [
      trail.append({ ...record('1'), tokenId: 't1' }),
      trail.append({ ...record('2'), outcome: 'unauthorized' }),
    ];
    await turn();
    store.calls[0]!.fail(new Error('no answer'));
    await Promise.allSettled(appended);
    await trail.drain();
    expect(new Set(store.unreleased.map(({ tokenId }) => tokenId))).toEqual(new Set(['t1']));
  });

  it('refuses at once when too many wait', async () => {
    const store = new HeldStore();
    const trail = new AuditTrail(store);
    const waiting = Array.from({ length: AuditTrail.MAX_WAITING }, (_, index) => trail.append(record(String(index))));
    const refused = await trail.append(record('one more')).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(TesseraError);
    expect((refused as TesseraError).code).toBe('temporarily_unavailable');
    await turn();
    for (let call = 0; call < store.calls.length; call += 1) {
      store.calls[call]!.answer();
      await turn();
    }
    await Promise.all(waiting);
    expect(Math.max(...store.calls.map((call) => call.records.length))).toBe(AuditTrail.MAX_BATCH);
  });

  it('drains: nothing that was appended is left when it resolves', async () => {
    const store = new HeldStore();
    const trail = new AuditTrail(store);
    let drained = false;
    void trail.append(record('1'));
    const draining = trail.drain().then(() => (drained = true));
    await turn();
    expect(drained).toBe(false);
    store.calls[0]!.answer();
    await draining;
    expect(drained).toBe(true);
  });
});
