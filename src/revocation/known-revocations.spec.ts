import type { VerifiedToken } from '@tessera/token/core';
import type { RevocationRecord } from './revocation-records.ts';
import { parseTenantId } from '../domain/ids.ts';
import { KnownRevocations } from './known-revocations.ts';

const NOW = 1_800_000_000;
const ISSUER = 'https://tessera.example/tenants/acme';

let known: KnownRevocations;
beforeEach(() => {
  known = new KnownRevocations((tenantId) => `https://tessera.example/tenants/${tenantId}`);
});

function record(seq: number, changes: Partial<RevocationRecord> = {}): RevocationRecord {
  return {
    seq,
    tenantId: parseTenantId('acme')!,
    kind: 'token',
    id: `j-${seq}`,
    before: undefined,
    until: NOW + seq,
    ...changes,
  };
}

function add(...seqs: number[]): void {
  known.add(
    seqs.map((seq) => record(seq)),
    Math.max(...seqs),
  );
}

const page = (after: number) => JSON.parse(known.page(after).toString()) as { entries: { seq: number }[] };
const seqs = (after: number) => page(after).entries.map(({ seq }) => seq);

describe('a page of the feed', () => {
  it('is empty at the start', () => {
    expect(page(0)).toEqual({ sequence: 0, entries: [], more: false });
  });

  it('is the same for all numbers that were never assigned, however many are invented', () => {
    add(1, 2);
    for (let after = 3; after < 203; after++) page(after);
    expect(known.page(1_000)).toBe(known.page(2_000));
    expect(page(1_000)).toMatchObject({ reset: true, sequence: 2 });
  });

  it('has exactly the documented members', () => {
    known.add([record(1), record(2, { kind: 'tenant', id: '*', before: NOW })], 2);
    expect(page(0)).toEqual({
      sequence: 2,
      entries: [
        { seq: 1, iss: ISSUER, kind: 'token', id: 'j-1', until: NOW + 1 },
        { seq: 2, iss: ISSUER, kind: 'tenant', id: '*', before: NOW, until: NOW + 2 },
      ],
      more: false,
    });
  });

  it('has the entries after a number, and none for a poller that has all', () => {
    add(1, 2, 3);
    expect(seqs(1)).toEqual([2, 3]);
    expect(page(3)).toEqual({ sequence: 3, entries: [], more: false });
  });

  it('is serialized once for all requests with the same number, until there is news', () => {
    add(1);
    const first = known.page(0);
    expect(known.page(0)).toBe(first);
    add(2);
    expect(known.page(0)).not.toBe(first);
  });

  it('resets a poller whose number was never assigned', () => {
    add(1, 2);
    expect(page(3)).toMatchObject({ sequence: 2, reset: true, entries: [{ seq: 1 }, { seq: 2 }] });
  });

  it('resets a poller whose number is below all kept entries, and no other', () => {
    add(1, 2, 3, 4);
    known.forget(NOW + 3);
    expect(page(1)).toMatchObject({ sequence: 4, reset: true, entries: [{ seq: 3 }, { seq: 4 }] });
    for (const after of [0, 2, 3, 4]) expect(page(after)).not.toHaveProperty('reset');
    expect(seqs(0)).toEqual([3, 4]);
    known.forget(NOW + 9);
    expect(page(3)).toEqual({ sequence: 4, entries: [], more: false, reset: true });
    expect(page(4)).toEqual({ sequence: 4, entries: [], more: false });
  });

  it('of a long list is one of several, also after a reset', () => {
    known.add(
      Array.from({ length: 9_000 }, (_, index) => record(index + 101, { until: NOW })),
      9_100,
    );
    for (const start of [0, 50]) {
      const numbers: number[] = [];
      let pages = 0;
      let resets = 0;
      for (let after = start, more = true; more; pages++) {
        const answer = page(after) as unknown as { sequence: number; more: boolean; reset?: true };
        numbers.push(...seqs(after));
        if (answer.reset) resets++;
        ({ sequence: after, more } = answer);
      }
      expect([numbers.length, new Set(numbers).size, pages, resets]).toEqual([9_000, 9_000, 9, start === 0 ? 0 : 1]);
    }
  });
});

describe('a page for some tenants', () => {
  const globex = parseTenantId('globex')!;
  const pageOf = (after: number, ...tenants: string[]) =>
    JSON.parse(known.page(after, tenants).toString()) as {
      sequence: number;
      entries: { seq: number }[];
      more: boolean;
    };
  const seqsOf = (after: number, ...tenants: string[]) => pageOf(after, ...tenants).entries.map(({ seq }) => seq);

  it('has only their entries, and the latest number of the feed', () => {
    known.add([record(1), record(2, { tenantId: globex }), record(3), record(4, { tenantId: globex })], 4);
    expect(pageOf(0, 'globex')).toMatchObject({ sequence: 4, entries: [{ seq: 2 }, { seq: 4 }], more: false });
    expect(seqsOf(2, 'globex')).toEqual([4]);
    expect(seqsOf(0, 'globex', 'acme')).toEqual([1, 2, 3, 4]);
    expect(pageOf(0, 'nobody')).toEqual({ sequence: 4, entries: [], more: false });
    expect([known.hasNews(2, ['acme']), known.hasNews(3, ['acme']), known.hasNews(3)]).toEqual([true, false, true]);
  });

  it('is small even if other tenants have many entries, and one of several if their own list is long', () => {
    const COUNT = 20_000;
    known.add(
      Array.from({ length: COUNT }, (_, index) => record(index + 1, index % 4 === 0 ? { tenantId: globex } : {})),
      COUNT,
    );
    const numbers: number[] = [];
    for (let after = 0, more = true; more;) {
      const answer = pageOf(after, 'globex');
      numbers.push(...answer.entries.map(({ seq }) => seq));
      ({ sequence: after, more } = answer);
    }
    expect(numbers).toEqual(Array.from({ length: COUNT / 4 }, (_, index) => index * 4 + 1));
    expect(known.page(COUNT - 8, ['globex']).byteLength).toBeLessThan(500);
  });

  it('resets a poller whose number is unknown', () => {
    known.add([record(1), record(2, { tenantId: globex })], 2);
    expect(pageOf(9, 'globex')).toMatchObject({ sequence: 2, reset: true, entries: [{ seq: 2 }] });
    expect(known.hasNews(9, ['globex'])).toBe(true);
  });

  it('uses little memory, whatever tenants are invented', () => {
    known.add(
      Array.from({ length: 4_000 }, (_, index) => record(index + 1)),
      4_000,
    );
    let bytes = 0;
    for (let made = 0; made < 300; made++) bytes += known.page(0, ['acme', `made-up-${made}`]).byteLength;
    expect(bytes).toBeLessThan(12 * 1024 * 1024);
  });
});

describe('an entry that replaces others of its client', () => {
  const CLIENT = 'shop/web';
  const fold = (seq: number, replaces: number) =>
    record(seq, { kind: 'client', id: 'web', before: NOW, until: NOW + 1_000, client: CLIENT, replaces });
  const token = (tokenId: string, clientId: string, issuedAt: number) =>
    ({ issuer: ISSUER, tokenId, subject: 's', clientId, keyId: 'k', issuedAt }) as VerifiedToken;

  it('replaces them in the list and in the feed, and no other entries', () => {
    known.add([record(1, { client: CLIENT }), record(2), record(3, { client: 'shop/other' })], 3);
    known.add([record(4, { client: CLIENT }), fold(5, 2)], 5);
    expect(page(0).entries).toMatchObject([
      { seq: 2 },
      { seq: 3 },
      { seq: 5, kind: 'client', before: NOW, replaces: 2 },
    ]);
    expect(known.size).toBe(3);
    expect(known.hits(token('j-1', 'web', NOW), NOW)).toBe(true);
    expect(known.hits(token('j-1', 'web', NOW + 1), NOW)).toBe(false);
    expect(known.hits(token('j-3', 'other', NOW), NOW)).toBe(true);
    known.add([record(6, { client: CLIENT }), fold(7, 2)], 7);
    expect(seqs(0)).toEqual([2, 3, 7]);
    expect(seqs(5)).toEqual([7]);
  });

  it('frees much unused memory, and gives the same answers afterwards', async () => {
    known.add(
      Array.from({ length: 3_000 }, (_, index) =>
        record(index + 1, index % 2 === 0 ? { client: CLIENT, until: NOW + 9_000 } : { until: NOW + 9_000 }),
      ),
      3_000,
    );
    expect(known.isWasteful).toBe(false);
    known.add([fold(3_001, 1_500)], 3_001);
    const before = page(0);
    expect(known.isWasteful).toBe(true);
    await known.compact();
    expect([known.isWasteful, known.size, page(0)]).toEqual([false, 1_501, before]);
    known.add([record(3_002, { client: CLIENT }), fold(3_003, 2)], 3_003);
    expect(seqs(3_000)).toEqual([3_003]);
    expect(known.hits(token('j-2', 'x', NOW), NOW)).toBe(true);
  });
});

describe('pages for invented cursors', () => {
  const COUNT = 10_000;
  beforeEach(() => {
    known.add(
      Array.from({ length: COUNT }, (_, index) => record(index + 1)),
      COUNT,
    );
  });
  const everyCursor = () => Array.from({ length: COUNT }, (_, cursor) => known.page(cursor));

  it('use little memory, however many there are and whoever holds them', () => {
    let bytes = 0;
    for (const buffer of new Set(everyCursor())) bytes += buffer.byteLength;
    const entry = known.page(0).byteLength / 1000;
    // 256 cached pages and those where full pages begin; all others are short.
    expect(bytes).toBeLessThan(entry * (270 * 1000 + COUNT * 60));
  });

  it('do not take full pages from pollers that start anew', () => {
    everyCursor();
    let pages = 0;
    let from = 0;
    for (let more = true; more; pages++)
      ({ sequence: from, more } = page(from) as unknown as { sequence: number; more: boolean });
    expect([pages, from]).toEqual([10, COUNT]);
    const numbers: number[] = [];
    for (let after = 5_001, more = true; more;) {
      numbers.push(...seqs(after));
      ({ sequence: after, more } = page(after) as unknown as { sequence: number; more: boolean });
    }
    expect(numbers).toEqual(Array.from({ length: COUNT - 5_001 }, (_, index) => index + 5_002));
  });
});

describe('the list that guards use', () => {
  const token = {
    issuer: ISSUER,
    tokenId: 'j-1',
    subject: 's',
    clientId: 'c',
    keyId: 'k',
    issuedAt: NOW,
  } as VerifiedToken;

  it('matches revoked tokens, until the entry expires', () => {
    expect(known.hits(token, NOW)).toBe(false);
    add(1);
    expect(known.hits(token, NOW + 1)).toBe(true);
    expect(known.hits({ ...token, issuer: `${ISSUER}x` }, NOW)).toBe(false);
    expect(known.hits(token, NOW + 2)).toBe(false);
  });
});
