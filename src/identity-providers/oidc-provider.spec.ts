import { type ExchangeFixture, openExchangeFixture } from '../testing/exchange-fixture.ts';
import { type RunningOidcProvider, startOidcProvider } from '../testing/oidc-provider.ts';
import { refusalOf } from '../testing/refusal.ts';

const KEYS_PATH = '/jwks';

let provider: RunningOidcProvider;
let fixture: ExchangeFixture;

beforeAll(async () => {
  provider = await startOidcProvider({
    clientId: 'tessera-acme',
    accounts: [
      { sub: '248289761001', email: 'grace@acme.example', email_verified: true, hd: 'acme.example' },
      { sub: '248289761002', email: 'grace@acme.example', email_verified: false, hd: 'acme.example' },
      { sub: '248289761003', email: 'eve@evil.example', email_verified: true, hd: 'acme.example' },
      { sub: '248289761004', email: 'grace@acme.example', email_verified: true, hd: 'evil.example' },
    ],
  });
  fixture = await openExchangeFixture();
  // Real logins have real times.
  fixture.clock.ms = Date.now();
});
afterAll(async () => {
  await fixture.close();
  await provider.close();
});
beforeEach(async () => {
  fixture.reset([provider.hostPort]);
  await fixture.trust({ issuer: provider.issuer });
  provider.requests.length = 0;
});

const logIn = async (sub: string) => (await provider.logIn(sub)).idToken;
const keyFetches = () => provider.requests.filter((path) => path === KEYS_PATH).length;

async function expectRefused(sub: string, reason: string): Promise<void> {
  const error = await refusalOf(fixture.authenticate({ oidcToken: await logIn(sub) }));
  expect([error.code, error.reason]).toEqual(['unauthorized', `the subject token is refused: ${reason}`]);
}

describe('an ID token of a real login', () => {
  it('identifies the person by a verified address', async () => {
    const facts = await fixture.authenticate({ oidcToken: await logIn('248289761001') });
    expect(facts.subject).toEqual({ by: 'email', email: 'grace@acme.example' });
    expect(facts.exchange?.identityProvider).toBe(provider.issuer);
  });

  it('identifies the person by the linked account', async () => {
    await fixture.trust({ issuer: provider.issuer, subject: { match: 'linked' } });
    const { subject } = await fixture.authenticate({ oidcToken: await logIn('248289761002') });
    expect(subject).toEqual({ by: 'identity', issuer: provider.issuer, sub: '248289761002' });
  });

  it('is refused if the address is not verified', () =>
    expectRefused('248289761002', 'its e-mail address is not verified'));

  it('is refused if the address has another domain', () =>
    expectRefused('248289761003', 'its e-mail domain is not one of the trust'));

  it('is refused if a condition is not met', () =>
    expectRefused('248289761004', 'it does not meet the condition on "hd"'));

  it('is refused if it is for another audience', async () => {
    await fixture.trust({ issuer: provider.issuer, audiences: ['another'] });
    await expectRefused('248289761001', 'it is for another audience');
  });

  it('is refused if the access token is sent in its place', async () => {
    const { accessToken } = await provider.logIn('248289761001');
    const error = await refusalOf(fixture.authenticate({ oidcToken: accessToken }));
    expect([error.code, error.reason]).toEqual(['unauthorized', 'the subject token is refused: it is malformed']);
  });

  it('has an id for replay protection, although it has no jti', async () => {
    const oidcToken = await logIn('248289761001');
    const [once, again] = [await fixture.authenticate({ oidcToken }), await fixture.authenticate({ oidcToken })];
    expect(again.once).toEqual(once.once);
    await fixture.trust({ issuer: provider.issuer, subject: { match: 'linked' } });
    const other = await fixture.authenticate({ oidcToken: await logIn('248289761002') });
    expect(other.once?.tokenId).not.toBe(once.once?.tokenId);
  });
});

describe('a provider that rotates its keys', () => {
  it('is fetched once more; then tokens of the new key are accepted and those of the old one are not', async () => {
    const before = await logIn('248289761001');
    await fixture.authenticate({ oidcToken: before });
    await provider.rotateKeys();
    const after = await logIn('248289761001');
    await Promise.all([fixture.authenticate({ oidcToken: after }), fixture.authenticate({ oidcToken: after })]);
    expect(keyFetches()).toBe(2);
    const error = await refusalOf(fixture.authenticate({ oidcToken: before }));
    expect(error.code).toBe('unauthorized');
    expect(keyFetches()).toBe(2);
  });
});
