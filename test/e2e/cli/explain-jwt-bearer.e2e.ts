import { type HostileProvider, startHostileProvider } from '../../../src/testing/hostile-provider.ts';
import { providerKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import { tenantsWithTrusts, trustOf } from '../../support/tessera/exchange-service.ts';
import { TestInstallation } from './installation.ts';

/** `tessera explain --grant jwt-bearer`. What each check of the token says is in issuers-token.e2e.ts. */
const KEY = providerKey('k1');
let provider: HostileProvider;
let installation: TestInstallation;
beforeAll(async () => {
  provider = await startHostileProvider();
  provider.keys = [KEY.jwk];
  installation = await TestInstallation.make({ TESSERA_FEDERATION_ALLOWED_HOSTS: provider.hostPort });
  await installation.applied(tenantsWithTrusts(trustOf('corp', provider.issuer)));
});
afterAll(async () => {
  await provider.close();
  await installation.remove();
});

interface Explained {
  readonly decision: string;
  readonly claims: Readonly<Record<string, unknown>> | null;
  readonly scopes: readonly object[];
  readonly steps: readonly { readonly step: string; readonly outcome: string; readonly reason?: string }[];
}

function token(changes: Readonly<Record<string, unknown>> = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: provider.issuer,
    sub: '1',
    aud: 'tessera-acme',
    iat: now,
    exp: now + 300,
    email: 'ada@acme.example',
    email_verified: true,
    hd: 'acme.example',
    ...changes,
  };
  return writeSubjectToken({ key: KEY, claims });
}

async function explained(client: string, stdin: string, ...more: string[]): Promise<Explained & { code: number }> {
  const { code, stdout } = await installation.run(
    ['explain', client, '--grant', 'jwt-bearer', '--token', '-', '-o', 'json', ...more],
    { stdin },
  );
  return { code, ...(JSON.parse(stdout) as Explained) };
}

describe('tessera explain --grant jwt-bearer', () => {
  it('shows the steps of the assertion and the claims, twice for one token', async () => {
    const once = token();
    for (let time = 0; time < 2; time++) {
      const { code, decision, claims, scopes, steps } = await explained('acme/web', once);
      expect({ code, decision }).toEqual({ code: 0, decision: 'yes' });
      expect(claims).toMatchObject({ sub: 'u-ada', surface: 'user', aud: 'shop-api', idp: provider.issuer });
      expect(claims).not.toHaveProperty('act');
      expect(scopes).toEqual([]);
      expect(steps.map(({ step }) => step).slice(3, 10)).toEqual([
        'client',
        'authenticate',
        'surfaces',
        'audiences',
        'form',
        'trust',
        'key',
      ]);
      expect(steps.every(({ outcome }) => outcome === 'ok' || outcome === 'assumed')).toBe(true);
    }
  });

  it.each([
    [
      'of a client that its issuer is not trusted for',
      'acme/other',
      {},
      'trust',
      'its issuer is not trusted for this client',
    ],
    ['for another audience', 'acme/web', { aud: 'other' }, 'audience', 'it is for another audience'],
    ['of a person whom nobody knows', 'acme/web', { email: 'nobody@acme.example' }, 'authorize', 'unknown subject'],
  ])('refuses an assertion %s', async (_, client, changes, step, reason) => {
    const { code, decision, claims, steps } = await explained(client, token(changes));
    expect({ code, decision, claims }).toEqual({ code: 1, decision: 'no', claims: null });
    const refused = steps.find(({ outcome }) => outcome === 'refused');
    expect(refused?.step).toBe(step);
    expect(refused?.reason?.replace('the subject token is refused: ', '')).toBe(reason);
  });
});
