import type { SigningAlgorithm } from '../../tenancy/tenant.ts';
import { claimsFor, type IssuingFixture, openIssuingFixture, PUBLIC_URL } from '../../testing/issuing-fixture.ts';
import { clientOf } from '../../testing/storage.ts';
import { overBudget, tokenLength } from './token-size.ts';

let fixture: IssuingFixture;
beforeEach(async () => {
  fixture = await openIssuingFixture();
});
afterEach(() => fixture.close());

it.each<SigningAlgorithm>(['ES256', 'RS256', 'EdDSA'])(
  'is the length of the %s token that is issued',
  async (algorithm) => {
    const tenant = await fixture.addTenant('acme', algorithm);
    const { token } = await fixture.issuer.issue(tenant, { claims: claimsFor(tenant, fixture.clock.seconds) });
    const subject = { id: 'u-ada', email: 'ada@acme.example', roles: ['manager'], groups: ['sales'] };
    const grants = { scopes: ['orders:read'], resources: ['orders'] };
    const client = clientOf(tenant, 'shop', 'web');
    expect(tokenLength(PUBLIC_URL, tenant, client, 'user', { ...subject, ...grants })).toBe(token.length);
  },
);

it('is near the budget from nine tenths on, and a fault above it', async () => {
  const tenant = await fixture.addTenant('acme');
  const client = clientOf(tenant, 'shop', 'web');
  expect(overBudget('x', client, 900, 1000)).toBeUndefined();
  expect(overBudget('x', client, 901, 1000)?.severity).toBe('warning');
  expect(overBudget('x', client, 1000, 1000)?.severity).toBe('warning');
  expect(overBudget('x', client, 1001, 1000)?.severity).toBe('fault');
});
