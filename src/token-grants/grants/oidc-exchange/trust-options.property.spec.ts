import fc from 'fast-check';
import type { Condition, Trust } from '../../../tenancy/tenant.ts';
import { TesseraError } from '../../../errors/tessera-error.ts';
import { type ExchangeFixture, openExchangeFixture } from '../../../testing/exchange-fixture.ts';
import { type HostileProvider, startHostileProvider } from '../../../testing/hostile-provider.ts';
import { providerKey, writeSubjectToken } from '../../../testing/provider-tokens.ts';

/**
 * What is added to a trust to narrow it never lets a token in that was refused before. Trusts and tokens are drawn from few values, so that about half
 * of the tokens pass.
 */
const KEY = providerKey('k1');
let provider: HostileProvider;
let fixture: ExchangeFixture;
beforeAll(async () => {
  fixture = await openExchangeFixture();
  provider = await startHostileProvider();
  provider.keys = [KEY.jwk];
  fixture.reset([provider.hostPort]);
});
afterAll(async () => {
  await provider.close();
  await fixture.close();
});

/** Mostly the first value: a token that one check refuses says nothing about the others. */
const mostly = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });

const condition: fc.Arbitrary<readonly [string, Condition]> = fc.oneof(
  fc.tuple(fc.constantFrom('hd', '/hd'), fc.constantFrom<Condition>(['acme.example'], ['acme.example', 7], [7])),
  fc.tuple(fc.constantFrom('scope', '/scope'), fc.constantFrom<Condition>({ contains: 'read' }, ['read'])),
  fc.tuple(
    fc.constantFrom('/map/roles', 'roles', '/roles'),
    fc.constantFrom<Condition>(['admin'], { hasKey: 'admin' }),
  ),
  fc.tuple(fc.constantFrom('azp', 'client_id'), fc.constant<Condition>(['ours'])),
);
const parties = fc.subarray(['ours', 'also-ours', 'theirs'], { minLength: 1 });

/** Trusts as the tenants file allows them. */
const trusts: fc.Arbitrary<Partial<Trust>> = fc
  .record({
    audiences: fc.constantFrom(['ours'], ['ours', 'also-ours']),
    audienceClaim: mostly<Trust['audienceClaim']>(undefined, 'client_id'),
    azp: fc.option(parties, { nil: undefined, freq: 2 }),
    types: fc.constantFrom([], ['jose']),
    emailVerified: fc.constantFrom<Trust['emailVerified']>(undefined, 'text_allowed'),
    conditions: fc.option(fc.array(condition, { minLength: 1, maxLength: 2 }), { nil: 'none' as const, freq: 1 }),
  })
  .map(({ conditions, ...trust }) => {
    const isByClientId = trust.audienceClaim !== undefined;
    const listed = conditions === 'none' ? [] : conditions;
    const always: readonly (readonly [string, Condition])[] = isByClientId ? [['level', [1]]] : [];
    const all = [...always, ...listed];
    return { ...trust, conditions: all.length === 0 ? 'none' : new Map(all) };
  });

const tokens = fc.record({
  typ: mostly(undefined, 'JWT', 'at+jwt', 'jose', 'secevent+jwt'),
  claims: fc.record({
    aud: fc.constantFrom<unknown>(
      'ours',
      ['ours', 'also-ours'],
      ['ours', 'theirs'],
      ['ours', 'theirs'],
      'theirs',
      undefined,
    ),
    azp: fc.constantFrom<unknown>('ours', 'also-ours', 'theirs', undefined),
    client_id: mostly<unknown>('ours', 'theirs', undefined),
    email_verified: mostly<unknown>(true, 'true', false),
    hd: mostly<unknown>('acme.example', ['acme.example'], 7, 'evil.example'),
    scope: mostly<unknown>('write read', 'read', 'write', ['read']),
    roles: fc.constantFrom<unknown>(['admin'], { admin: {} }, { admin: false }, 'admin'),
    map: fc.constantFrom<unknown>({ roles: ['admin'] }, { roles: { admin: {} } }, { roles: 'user' }, 7),
    level: mostly<unknown>(1, '1'),
  }),
});
type Token = typeof tokens extends fc.Arbitrary<infer T> ? T : never;

let made = 0;
async function accepts(trust: Partial<Trust>, { typ, claims }: Token): Promise<boolean> {
  await fixture.trust({ issuer: provider.issuer, ...trust });
  const now = fixture.clock.seconds;
  const own = { iss: provider.issuer, sub: '1', iat: now, exp: now + 300, jti: `j-${++made}`, email: 'g@acme.example' };
  const oidcToken = writeSubjectToken({ key: KEY, claims: { ...own, ...claims }, header: { typ } });
  try {
    await fixture.authenticate({ oidcToken });
    return true;
  } catch (error) {
    if (error instanceof TesseraError && error.code === 'unauthorized') return false;
    throw error;
  }
}

/** Undefined: nothing to add to this trust. */
type Narrowing = (trust: Partial<Trust>) => Partial<Trust> | undefined;

// Enough to find each of the mistakes that we planted: a party that opens a foreign audience is the rarest.
const RUNS = 500;

/** Fails if a narrowed trust accepts a token that the trust refuses, and if the runs have not shown each verdict often enough to mean anything. */
async function neverLetsMoreIn(narrowings: fc.Arbitrary<Narrowing>): Promise<void> {
  const seen = { both: 0, before: 0, neither: 0 };
  await fc.assert(
    fc.asyncProperty(trusts, tokens, narrowings, async (trust, token, narrow) => {
      const narrowed = narrow(trust);
      fc.pre(narrowed !== undefined);
      const [before, after] = [await accepts(trust, token), await accepts(narrowed, token)];
      if (after && !before) throw new Error('more is let in');
      seen[after ? 'both' : before ? 'before' : 'neither'] += 1;
    }),
    { numRuns: RUNS },
  );
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(3);
}

it('a condition more never lets more in', () =>
  neverLetsMoreIn(
    condition.map(([claim, wanted]) => (trust) => {
      const { conditions = 'none' } = trust;
      const present = conditions === 'none' ? [] : conditions;
      const isThere = conditions !== 'none' && conditions.has(claim);
      return isThere ? undefined : { ...trust, conditions: new Map([...present, [claim, wanted]]) };
    }),
  ));

it('a list of parties, or a shorter one, never lets more in', () =>
  neverLetsMoreIn(
    parties.map((azp) => (trust) => ({
      ...trust,
      azp: trust.azp === undefined ? azp : trust.azp.filter((party) => azp.includes(party)),
    })),
  ));

it('a typ more lets in tokens of that typ, and no others', async () => {
  // Not those of the other tests, of which few have such a typ.
  const typs = fc.constantFrom(undefined, 'JWT', 'jose', 'secevent+jwt');
  const added = fc.constantFrom('jose', 'secevent+jwt');
  let own = 0;
  await fc.assert(
    fc.asyncProperty(trusts, tokens, added, typs, async (trust, { claims }, type, typ) => {
      const token = { typ, claims };
      const types = [...new Set([...(trust.types ?? []), type])];
      const [before, after] = [await accepts(trust, token), await accepts({ ...trust, types }, token)];
      if (typ !== type) expect(after).toBe(before);
      else if (after && !before) own += 1;
    }),
    { numRuns: RUNS },
  );
  expect(own).toBeGreaterThan(0);
});

it('an option that is not written lets nothing in: what each opens is refused without it', async () => {
  await fc.assert(
    fc.asyncProperty(trusts, tokens, async (trust, token) => {
      const { aud, email_verified: verified } = token.claims;
      const plain = { ...trust, audienceClaim: undefined, emailVerified: undefined };
      if (aud === undefined || verified !== true) expect(await accepts(plain, token)).toBe(false);
    }),
    { numRuns: RUNS },
  );
});
