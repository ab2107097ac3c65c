import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { RevocationColumns } from './revocation-columns.ts';
import { type Revocation, REVOCATION_KINDS, type RevocationKind } from './revocation.ts';
import { RevocationList } from './revocation-list.ts';

const NOW = 1_800_000_000;
const ISSUER = 'https://tessera.example/tenants/acme';

const anyRevocation: fc.Arbitrary<Revocation> = fc.record({
  issuer: fc.constantFrom(ISSUER, `${ISSUER}-2`),
  kind: fc.constantFrom<RevocationKind>(...REVOCATION_KINDS),
  // Includes lone surrogates and letters beyond Latin-1: two ids that differ only in them must not be taken for the same.
  id: fc.oneof(
    fc.constantFrom('a', 'b', 'é', 'e\u0301', '\ud800', '\ufffd', '\u0100', '\u0000'),
    fc.string({ unit: 'binary', maxLength: 6 }),
  ),
  before: fc.option(fc.constantFrom(NOW - 5, NOW, NOW + 5), { nil: undefined }),
  until: fc.constantFrom(NOW - 1, NOW, NOW + 1, Number.MAX_SAFE_INTEGER),
});

describe('rows of revocations', () => {
  it('return what was added, and hit exactly what a plain list hits', () => {
    fc.assert(
      fc.property(fc.array(anyRevocation, { maxLength: 200 }), fc.array(anyRevocation), (added, asked) => {
        const rows = new RevocationColumns();
        for (const revocation of added) rows.append(revocation);
        expect(added.map((_, row) => rows.at(row))).toEqual(added);
        for (const { issuer, kind, id } of [...added, ...asked])
          for (const issuedAt of [NOW - 5, NOW, NOW + 6]) {
            const expected = added.some(
              (one) =>
                one.issuer === issuer &&
                one.kind === kind &&
                one.id === id &&
                NOW <= one.until &&
                issuedAt <= (one.before ?? Infinity),
            );
            const number = rows.issuerNumber(issuer);
            expect(number !== undefined && rows.hits(number, kind, id, issuedAt, NOW)).toBe(expected);
          }
      }),
      { numRuns: 200 },
    );
  });
});

describe('a long list', () => {
  const COUNT = 200_000;
  const idOf = (index: number) => `dc01fe08-2f83-4c99-80e5-${String(index).padStart(12, '0')}`;
  const token = (index: number) => ({
    issuer: ISSUER,
    tokenId: idOf(index),
    subject: 's',
    clientId: 'c',
    keyId: 'k',
    issuedAt: NOW,
  });
  function longList(until: (index: number) => number): RevocationList {
    const list = new RevocationList();
    for (let index = 0; index < COUNT; index++)
      list.add({ issuer: ISSUER, kind: 'token', id: idOf(index), before: undefined, until: until(index) });
    return list;
  }

  it('takes at most 200 bytes an entry', async () => {
    const before = await bytesInUse();
    const list = longList(() => NOW);
    const bytes = ((await bytesInUse()) - before) / list.size;
    expect(bytes).toBeLessThan(200);
    // A smaller value means that the measurement failed.
    expect(bytes).toBeGreaterThan(40);
    expect([list.hits(token(COUNT - 1), NOW), list.hits(token(COUNT), NOW)]).toEqual([true, false]);
  });

  it('is copied without expired entries, in pieces that let other work run', async () => {
    const list = longList((index) => (index % 2 === 0 ? NOW - 1 : NOW));
    // Counts how often other work ran. The time between would depend on the machine as well.
    let turns = 0;
    let isOver = false;
    const takeTurn = () => {
      turns++;
      if (!isOver) setImmediate(takeTurn);
    };
    setImmediate(takeTurn);
    const kept: number[] = [];
    const copy = await list.copyOf(NOW, (index) => kept.push(index));
    isOver = true;
    expect(turns).toBeGreaterThan(COUNT / 2_500);
    expect([copy.size, kept.length, kept[1]]).toEqual([COUNT / 2, COUNT / 2, 3]);
    expect([copy.hits(token(1), NOW), copy.hits(token(2), NOW)]).toEqual([true, false]);
  });
});

/**
 * The memory in use after garbage collection. Typed arrays are outside the heap. Garbage of earlier tests is freed in the background, and buffers
 * last, so this measures until two values in a row agree.
 */
async function bytesInUse(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  let last = Infinity;
  for (let tries = 0; tries < 50; tries++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { heapUsed, external } = process.memoryUsage();
    const bytes = heapUsed + external;
    if (Math.abs(bytes - last) < 100_000) return bytes;
    last = bytes;
  }
  throw new Error('the memory in use does not settle');
}
