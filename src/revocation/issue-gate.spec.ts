import type { TesseraClaims } from '@tessera/token';
import { collectingLog, ManualClock, tenantId } from '../testing/storage.ts';
import { unavailable } from '../errors/tessera-error.ts';
import type { NewRevocation, RevocationRecord } from './revocation-records.ts';
import { epochSeconds } from '../domain/clock.ts';
import type { TenantId } from '../domain/ids.ts';
import { IssueGate } from './issue-gate.ts';
import { revocationOfAll, revocationsOfTokenId } from './new-revocations.ts';
import { RevocationPoller } from './revocation-poller.ts';
import { reachFrom } from './revocation-reach.ts';

const ACME = tenantId('acme');
let records: RevocationRecord[];
let isThere: boolean;
let questions: number;
let answerTakesMs: number;
let clock: ManualClock;
let follower: RevocationPoller;
let dropped: TenantId[];
let gate: IssueGate;

beforeEach(async () => {
  records = [];
  isThere = true;
  questions = 0;
  answerTakesMs = 0;
  clock = new ManualClock();
  dropped = [];
  follower = new RevocationPoller(
    {
      sequence: () => {
        questions++;
        clock.advance(answerTakesMs);
        return isThere
          ? Promise.resolve(records.length)
          : Promise.reject(unavailable('control database', 'connection lost'));
      },
      newerThan: (seq) => Promise.resolve(records.slice(seq)),
      clean: () => Promise.resolve(),
    },
    clock,
    collectingLog().log,
    { publicUrl: 'https://t.example', caches: { changePollMs: 500 } },
  );
  gate = new IssueGate(follower, { invalidate: (id) => dropped.push(id) }, clock);
  await follower.poll();
  questions = 0;
});

const add = (revocation: NewRevocation) => records.push({ ...revocation, seq: records.length + 1 });
const revokeAda = () => add(revocationOfAll(ACME, 'subject', 'ada', reachFrom(clock.ms)));
const claims = (changes: Partial<TesseraClaims> = {}) =>
  ({
    iss: 'https://t.example/tenants/acme',
    tenant_id: 'acme',
    jti: 'j',
    sub: 'ada',
    client_id: 'web',
    iat: epochSeconds(clock.ms),
    ...changes,
  }) as unknown as TesseraClaims;

describe('starting a token', () => {
  it('reads nothing if the list is recent', () => {
    clock.advance(750);
    expect(gate.start(ACME)).toBe(clock.ms);
    expect(questions).toBe(0);
  });

  it('waits for a newer list if the present one is old, as after a stall of the process', async () => {
    clock.advance(10_000);
    revokeAda();
    expect(await gate.start(ACME)).toBe(clock.ms);
    expect([questions, dropped]).toEqual([1, [ACME]]);
  });

  it('uses the time of the query when a slow database takes long to answer', async () => {
    clock.advance(10_000);
    const askedAt = clock.ms;
    answerTakesMs = 1_200;
    expect(await gate.start(ACME)).toBe(askedAt);
    expect(questions).toBe(1);
  });

  it('is refused while the list cannot be read, and recovers by itself', async () => {
    clock.advance(10_000);
    isThere = false;
    await expect(gate.start(ACME)).rejects.toMatchObject({ code: 'temporarily_unavailable' });
    isThere = true;
    expect(await gate.start(ACME)).toBe(clock.ms);
  });
});

describe('a tenant’s cached data', () => {
  it('is dropped before a revocation is added to the list, and again when its reach is over', async () => {
    revokeAda();
    follower.onRevocations(() => {
      expect([dropped, follower.sequence]).toEqual([[ACME], 0]);
    });
    await follower.poll();
    clock.advance(3_000);
    await follower.poll();
    void gate.start(ACME);
    void gate.start(ACME);
    expect(dropped).toEqual([ACME, ACME]);
  });

  it('stays when an entry replaces many single-token entries, and those tokens are still refused', async () => {
    const until = epochSeconds(clock.ms);
    records.push({ ...revocationOfAll(ACME, 'client', 'web', until), seq: 1, client: 'shop/web', replaces: 500 });
    await follower.poll();
    expect(dropped).toEqual([]);
    expect(() => {
      gate.refuseRevoked(claims(), 'k');
    }).toThrow();
  });

  it('stays when a single token is revoked', async () => {
    for (const revocation of revocationsOfTokenId(ACME, 'j', epochSeconds(clock.ms), true)) add(revocation);
    await follower.poll();
    expect(dropped).toEqual([]);
  });
});

describe('a finished token', () => {
  it('is withheld within the reach of a revocation, and released after it', async () => {
    gate.refuseRevoked(claims(), 'k');
    revokeAda();
    await follower.poll();
    const refused = claims();
    let refusal: unknown;
    try {
      gate.refuseRevoked(refused, 'k');
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({
      message: 'temporarily_unavailable: revocations: one is taking effect',
      retryAfterSeconds: reachFrom(clock.ms) + 1 - epochSeconds(clock.ms),
    });
    clock.advance(3_000);
    gate.refuseRevoked(claims(), 'k');
    expect(() => {
      gate.refuseRevoked(claims({ iat: refused.iat }), 'k');
    }).toThrow();
  });

  it('is withheld when its subject or client is revoked', async () => {
    revokeAda();
    await follower.poll();
    const act = { sub: 'ada', client_id: 'web' };
    expect(() => {
      gate.refuseRevoked(claims({ sub: 'bob', act }), 'k');
    }).toThrow();
    gate.refuseRevoked(claims({ sub: 'bob', act: { sub: 'eve' } }), 'k');
  });
});
