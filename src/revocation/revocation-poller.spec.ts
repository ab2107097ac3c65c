import type { VerifiedToken } from '@tessera/token/core';
import { collectingLog, ManualClock, tenantId } from '../testing/storage.ts';
import { TesseraError, unavailable } from '../errors/tessera-error.ts';
import { READ_AT_ONCE, type RevocationRecord } from './revocation-records.ts';
import { TestClock } from '../testing/test-clock.ts';
import { parseClientId, parseProjectId } from '../domain/ids.ts';
import { RevocationPoller, type RevocationSource } from './revocation-poller.ts';
import { Revoker } from './revoker.ts';

const CONFIG = { publicUrl: 'https://t.example', caches: { changePollMs: 500 } };

/** A control database that the test fills and makes unavailable. */
class ListedSource implements RevocationSource {
  records: RevocationRecord[] = [];
  last = 0;
  isThere = true;
  questions = 0;
  /** A question for records after this one fails. */
  failsAfter: number | undefined;

  add(id: string): void {
    this.last++;
    this.records.push({ seq: this.last, tenantId: tenantId('acme'), kind: 'token', id, before: undefined, until: 2e9 });
  }

  sequence(): Promise<number> {
    this.questions++;
    return this.isThere
      ? Promise.resolve(this.last)
      : Promise.reject(unavailable('control database', 'connection lost'));
  }

  newerThan(seq: number): Promise<RevocationRecord[]> {
    if (seq === this.failsAfter) return Promise.reject(unavailable('control database', 'connection lost'));
    return Promise.resolve(this.records.filter((record) => record.seq > seq).slice(0, READ_AT_ONCE));
  }

  clean(): Promise<void> {
    return Promise.resolve();
  }
}

let source: ListedSource;
let clock: ManualClock;
let lines: string[];
let follower: RevocationPoller;
beforeEach(() => {
  source = new ListedSource();
  clock = new ManualClock();
  const { log, lines: written } = collectingLog();
  lines = written;
  follower = new RevocationPoller(source, clock, log, CONFIG);
});

const token = (tokenId: string) =>
  ({
    issuer: 'https://t.example/tenants/acme',
    tokenId,
    subject: 's',
    clientId: 'c',
    keyId: 'k',
    issuedAt: 0,
  }) as VerifiedToken;
const page = (after: number) => JSON.parse(follower.page(after).toString()) as { sequence: number; entries: object[] };

function refusal(work: () => unknown): TesseraError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(TesseraError);
    return error as TesseraError;
  }
  throw new Error('no refusal came');
}

it('verifies no token and answers no poller before it has read the list', async () => {
  source.isThere = false;
  await follower.poll();
  for (const work of [() => follower.includes(token('a')), () => follower.page(0)])
    expect(refusal(work)).toMatchObject({
      code: 'temporarily_unavailable',
      reason: 'revocations: the list was never read',
    });
  source.isThere = true;
  await follower.poll();
  expect(follower.includes(token('a'))).toBe(false);
});

it('reads new revocations, notifies once, and does not notify without news', async () => {
  let news = 0;
  follower.onNews(() => news++);
  source.add('a');
  await follower.poll();
  expect([follower.includes(token('a')), follower.includes(token('b')), news]).toEqual([true, false, 1]);
  await follower.poll();
  expect(news).toBe(1);
  source.add('b');
  await follower.poll();
  expect([follower.includes(token('b')), news, page(1).entries.length]).toEqual([true, 2, 1]);
});

it('uses the present list while the database is away, and stops serving it as current after 5 s', async () => {
  source.add('a');
  await follower.poll();
  source.isThere = false;
  clock.advance(5_000);
  await follower.poll();
  expect(page(0).sequence).toBe(1);
  clock.advance(1);
  await follower.poll();
  expect(refusal(() => follower.page(0)).reason).toBe('revocations: the list is too old');
  expect(follower.includes(token('a'))).toBe(true);
  expect(lines.filter((line) => line.includes('revocations_not_followed'))).toHaveLength(1);
  source.isThere = true;
  await follower.poll();
  expect(page(0).sequence).toBe(1);
});

it('treats a list whose number went back as another one, which pollers read anew', async () => {
  for (const id of ['a', 'b', 'c']) source.add(id);
  await follower.poll();
  source.records = source.records.slice(0, 1);
  source.last = 1;
  let news = 0;
  follower.onNews(() => news++);
  await follower.poll();
  expect([follower.includes(token('a')), follower.includes(token('c')), news]).toEqual([true, false, 1]);
  expect(page(3)).toMatchObject({ sequence: 1, reset: true });
  expect(lines.join('')).toContain('revocations_went_back');
});

it('reports the tenants that have news', async () => {
  const news: unknown[] = [];
  follower.onNews((tenants) => news.push(tenants));
  await follower.poll();
  source.add('a');
  await follower.poll();
  await follower.poll();
  source.last = 0;
  await follower.poll();
  expect(news).toEqual(['all', new Set(['acme']), 'all']);
});

it('tells its listeners what it has read before a question failed', async () => {
  await follower.poll();
  const news: unknown[] = [];
  follower.onNews((tenants) => news.push(tenants));
  // A full batch, after which nothing is left: the next round has no news of its own.
  for (let index = 0; index < READ_AT_ONCE; index++) source.add(`t-${index}`);
  source.failsAfter = READ_AT_ONCE;
  await follower.poll();
  expect(news).toEqual([new Set(['acme'])]);
  source.failsAfter = undefined;
  await follower.poll();
  expect(news).toHaveLength(1);
});

it('reads a long list in pieces, and publishes nothing before the last', async () => {
  const count = 30_000;
  for (let index = 0; index < count; index++) source.add(`t-${index}`);
  let judged = 0;
  let turns = 0;
  let isOver = false;
  const takeTurn = () => {
    turns++;
    try {
      follower.includes(token('a'));
      judged++;
    } catch {
      // Not known yet.
    }
    if (!isOver) setImmediate(takeTurn);
  };
  setImmediate(takeTurn);
  await follower.poll();
  isOver = true;
  expect(judged).toBe(0);
  expect(turns).toBeGreaterThan(count / READ_AT_ONCE - 1);
  expect(follower.includes(token(`t-${count - 1}`))).toBe(true);
});

it('is complete with an entry that replaces others, without having read those', async () => {
  const client = 'shop/web';
  for (let index = 0; index < READ_AT_ONCE; index++) source.add(`t-${index}`);
  source.records.shift();
  // The sequence was read before the last entry was added, which replaced the first.
  const { last } = source;
  source.sequence = () => Promise.resolve(last);
  source.add('x');
  const fold = source.records.pop()!;
  source.records.push({ ...fold, kind: 'client', id: 'c', before: 9, client, replaces: 1 });
  await follower.poll();
  expect(follower.includes(token('t-0'))).toBe(true);
});

it('reads once for concurrent callers, and again for entries written during the read', async () => {
  await Promise.all(Array.from({ length: 100 }, () => follower.poll()));
  expect(source.questions).toBe(1);
  const polling = follower.poll();
  source.add('a');
  await Promise.all([polling, follower.catchUp()]);
  expect([source.questions, follower.includes(token('a'))]).toEqual([3, true]);
});

describe('a clock that was wrong', () => {
  const UNTIL = 1_200;
  let setClock: TestClock;
  let followed: RevocationPoller;
  beforeEach(() => {
    setClock = new TestClock();
    const { log } = collectingLog();
    followed = new RevocationPoller(source, setClock, log, CONFIG);
    source.add('a');
    const [record] = source.records;
    source.records = [{ ...record!, until: Math.floor(setClock.nowMs() / 1000) + UNTIL }];
  });
  const entries = () => JSON.parse(followed.page(0).toString()) as { entries: object[] };

  it('that ran ahead for a while drops no entry that is current when it is right again', async () => {
    await followed.poll();
    setClock.jumpSeconds(3_600);
    await followed.poll();
    setClock.jumpSeconds(-3_600);
    expect(followed.includes(token('a'))).toBe(true);
    await followed.poll();
    expect([followed.includes(token('a')), entries().entries.length]).toEqual([true, 1]);
  });

  it('from the start on loses no entry: the list is read again when it is right', async () => {
    setClock.jumpSeconds(3_600);
    await followed.poll();
    expect(followed.includes(token('a'))).toBe(false);
    setClock.jumpSeconds(-3_600);
    source.isThere = false;
    await followed.poll();
    source.isThere = true;
    await followed.poll();
    expect([followed.includes(token('a')), entries().entries.length]).toEqual([true, 1]);
  });

  it('that is right drops entries in time', async () => {
    await followed.poll();
    setClock.advanceSeconds(UNTIL + 1);
    await followed.poll();
    expect(entries().entries).toEqual([]);
  });
});

describe('a revocation by this server', () => {
  const client = {
    projectId: parseProjectId('shop')!,
    id: parseClientId('web')!,
    isOnlyOneOfItsName: true,
    isTokenExchangeable: false,
  };
  const record = { requestId: 'r', route: 'POST', source: '::1', at: 0, outcome: 'revoked' } as const;
  const revoked = { ...token('a'), tenantId: 'acme', expiresAt: 2e9 } as VerifiedToken;
  const records = {
    add: () => {
      source.add('a');
      const added = source.records.at(-1)!;
      return Promise.resolve({ ...added, lastSeq: added.seq });
    },
  };

  it('resolves when it is in force here', async () => {
    await follower.poll();
    await new Revoker(records, follower).revoke(revoked, client, record);
    expect(follower.includes(token('a'))).toBe(true);
  });

  it('rejects when the list cannot be read, and may be repeated', async () => {
    await follower.poll();
    source.isThere = false;
    const error: unknown = await new Revoker(records, follower)
      .revoke(revoked, client, record)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'temporarily_unavailable',
      reason: 'revocations: recorded, but not known here yet',
    });
  });
});
