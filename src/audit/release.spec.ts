import { refusalOf } from '../testing/refusal.ts';
import { unavailable } from '../errors/tessera-error.ts';
import { type AuditRecord, AuditStore, type AuditTrace } from './audit-record.ts';
import { AuditTrail } from './audit-trail.ts';
import { release } from './release.ts';
import { ReplayProtection } from '../replay/replay-protection.ts';

const SIGNED = { token: 'a.b.c', expiresInSeconds: 600 };
const PROOF = { issuer: 'https://idp.example', tokenId: 't-1', until: 2_000 };

/** Says what was done, in order, and fails where a test wants. */
function openBooks(options: { readonly isSpent?: boolean; readonly failing?: 'spending' | 'recording' } = {}) {
  const done: string[] = [];
  const records: AuditRecord[] = [];
  class Spent extends ReplayProtection {
    override spend(tenantId: string): Promise<boolean> {
      if (options.failing === 'spending') return Promise.reject(unavailable('control database', 'busy'));
      done.push(`spent in ${tenantId}`);
      return Promise.resolve(options.isSpent !== true);
    }
  }
  class Store extends AuditStore {
    override disown(): Promise<void> {
      return Promise.resolve();
    }
    override append(group: readonly AuditRecord[]): Promise<void> {
      if (options.failing === 'recording') return Promise.reject(unavailable('control database', 'busy'));
      done.push('recorded');
      records.push(...group);
      return Promise.resolve();
    }
  }
  return { spentProofs: new Spent(), trail: new AuditTrail(new Store()), done, records };
}

const traceOf = (): AuditTrace => ({
  requestId: 'r-1',
  route: 'POST /auth/user/oidcToken',
  source: '192.0.2.1',
  tenantId: 'acme',
  tokenId: 'jti-1',
  keyId: 'kid-1',
});

it('answers after the record, and spends nothing for a proof that may be used again', async () => {
  const books = openBooks();
  const answer = await release(books, 1_000, traceOf(), SIGNED, undefined);
  expect(answer).toEqual({ access_token: 'a.b.c', expires_in: 600, token_type: 'Bearer' });
  expect(books.done).toEqual(['recorded']);
  expect(books.records[0]).toMatchObject({ at: 1_000, outcome: 'issued', tokenId: 'jti-1' });
});

it('spends a proof before it records the token', async () => {
  const books = openBooks();
  await release(books, 1_000, traceOf(), SIGNED, PROOF);
  expect(books.done).toEqual(['spent in acme', 'recorded']);
});

it('refuses a proof that was spent, and records no token for it', async () => {
  const books = openBooks({ isSpent: true });
  const trace = traceOf();
  const { code, reason } = await refusalOf(release(books, 1_000, trace, SIGNED, PROOF));
  expect([code, reason]).toEqual(['unauthorized', 'the foreign token is refused: it was used before']);
  expect(books.records).toEqual([]);
  expect(trace).not.toHaveProperty('tokenId');
  expect(trace).not.toHaveProperty('keyId');
});

it.each(['spending', 'recording'] as const)('drops the token when %s fails', async (failing) => {
  const books = openBooks({ failing });
  const { code } = await refusalOf(release(books, 1_000, traceOf(), SIGNED, PROOF));
  expect(code).toBe('temporarily_unavailable');
  expect(books.done).toEqual(failing === 'spending' ? [] : ['spent in acme']);
});
