import fc from 'fast-check';
import { parseTrustId } from '../domain/ids.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import type { ClientKey } from '../tenancy/tenant.ts';
import { assertionForm, type CallerFixture, clientDraft, openCallerFixture } from '../testing/caller-fixture.ts';
import { type HostileProvider, startHostileProvider } from '../testing/hostile-provider.ts';
import { PUBLIC_URL } from '../testing/issuing-fixture.ts';
import { base64url, providerKey, signSubjectTokenText } from '../testing/provider-tokens.ts';
import { trustDraft } from '../testing/trust-draft.ts';

/** No change of a good assertion passes: neither of its text by somebody without the key, nor of what matters in it by somebody with the key. */
const KEY = providerKey('k1');
const NOW = 1_800_000_000;
const ISSUER = parseTrustId('cluster')!;

let fixture: CallerFixture;
let cluster: HostileProvider;
beforeAll(async () => {
  fixture = await openCallerFixture();
  cluster = await startHostileProvider();
  cluster.keys = [KEY.jwk];
  fixture.reset([cluster.hostPort]);
  const trust = trustDraft({ id: ISSUER, issuer: cluster.issuer, conditions: 'none', clients: [], surfaces: [] });
  await fixture.save(
    [
      clientDraft('web', { keys: [KEY.jwk as ClientKey] }),
      clientDraft('job', { workload: { issuer: ISSUER, conditions: new Map([['sub', ['job']]]) } }),
    ],
    { trusts: [trust] },
  );
});
afterAll(async () => {
  await cluster.close();
  await fixture.close();
});

interface Kind {
  readonly clientId: string;
  readonly claims: () => Readonly<Record<string, unknown>>;
  /** Claims that another value of the same claim must not replace. */
  readonly bound: readonly string[];
}

let made = 0;
const KINDS: Readonly<Record<string, Kind>> = {
  private_key_jwt: {
    clientId: 'shop/web',
    claims: () => ({
      iss: 'shop/web',
      sub: 'shop/web',
      aud: `${PUBLIC_URL}/tenants/acme`,
      exp: NOW + 60,
      jti: `j-${++made}`,
    }),
    bound: ['iss', 'sub', 'aud', 'exp', 'jti'],
  },
  'workload identity': {
    clientId: 'shop/job',
    claims: () => ({ iss: cluster.issuer, sub: 'job', aud: 'tessera-acme', iat: NOW, exp: NOW + 60 }),
    bound: ['iss', 'sub', 'aud', 'iat', 'exp'],
  },
};

const HEADER = { alg: 'ES256', kid: 'k1' };
const write = (header: object, claims: object) =>
  signSubjectTokenText(KEY, JSON.stringify(header), JSON.stringify(claims));

async function accepts(clientId: string, assertion: string): Promise<boolean> {
  try {
    await fixture.authenticate({ form: assertionForm(assertion, clientId) });
    return true;
  } catch (error) {
    // A changed kid may be that of a new key, until the keys were fetched again.
    const codes = ['invalid_client', 'temporarily_unavailable'];
    if (error instanceof TesseraError && codes.includes(error.code)) return false;
    throw error;
  }
}

describe.each(Object.entries(KINDS))('%s', (_name, { clientId, claims, bound }) => {
  it('accepts the assertion that all others differ from', async () => {
    expect(await accepts(clientId, write(HEADER, claims()))).toBe(true);
  });

  it('accepts no text that differs in a character', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.string({ minLength: 0, maxLength: 2 }), async (at, text) => {
        const good = write(HEADER, claims());
        const place = at % good.length;
        const changed = good.slice(0, place) + text + good.slice(place + 1);
        fc.pre(changed !== good);
        expect(await accepts(clientId, changed)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it('accepts no part of it with another', async () => {
    const [header, payload, signature] = write(HEADER, claims()).split('.');
    const none = base64url('{"alg":"none"}');
    for (const text of [
      `${none}.${payload}.`,
      `${none}.${payload}.${signature}`,
      `${header}.${payload}.`,
      `${header}.${base64url(JSON.stringify(claims()))}.${signature}`,
    ])
      if (text !== `${header}.${payload}.${signature}`) expect(await accepts(clientId, text)).toBe(false);
  });

  it('accepts no other value of a claim that binds it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...bound), fc.jsonValue({ maxDepth: 2 }), async (claim, value) => {
        const good = claims();
        // Another time or name in the same limits is another good assertion.
        fc.pre(typeof value !== 'number' || !['exp', 'iat'].includes(claim));
        fc.pre(claim !== 'jti' || typeof value !== 'string' || value === '');
        fc.pre(JSON.stringify(value) !== JSON.stringify(good[claim]));
        fc.pre(claim !== 'aud' || clientId !== 'shop/job' || JSON.stringify(value) !== '["tessera-acme"]');
        expect(await accepts(clientId, write(HEADER, { ...good, [claim]: value }))).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it('accepts none that lacks one of them', async () => {
    for (const claim of bound)
      expect(await accepts(clientId, write(HEADER, { ...claims(), [claim]: undefined }))).toBe(false);
  });

  it('accepts no times but those in its limits', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -4_000, max: 8_000 }),
        fc.integer({ min: -4_000, max: 8_000 }),
        async (iat, exp) => {
          const isWithin =
            exp > 0 &&
            iat <= 30 &&
            (clientId === 'shop/web' ? exp <= 300 : iat > -600 && iat <= exp && exp - iat <= 3_600);
          const times = { iat: NOW + iat, exp: NOW + exp };
          expect(await accepts(clientId, write(HEADER, { ...claims(), ...times }))).toBe(isWithin);
        },
      ),
      { numRuns: 300 },
    );
  });
});
