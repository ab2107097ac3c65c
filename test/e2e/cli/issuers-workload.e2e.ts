import { type HostileProvider, startHostileProvider } from '../../../src/testing/hostile-provider.ts';
import { providerKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import { tenantsWithTrusts, trustOf } from '../../support/tessera/exchange-service.ts';
import { TestInstallation } from './installation.ts';

/** `tessera issuers check --token -` for a client that authenticates as a workload. */
const KEY = providerKey('k1');
const SUB = 'system:serviceaccount:orders:importer';
let cluster: HostileProvider;
let installation: TestInstallation;
beforeAll(async () => {
  cluster = await startHostileProvider();
  cluster.keys = [KEY.jwk];
  installation = await TestInstallation.make({ TESSERA_FEDERATION_ALLOWED_HOSTS: cluster.hostPort });
  const workload = (id: string, sub: string) =>
    `          - { id: ${id}, surfaces: [user], scopes: unbounded, subjects: any, workload: { issuer: cluster, conditions: { sub: "${sub}" } } }\n`;
  const trust = trustOf('cluster', cluster.issuer, { clients: '[]', conditions: 'none', surfaces: '[user]' });
  const file = tenantsWithTrusts(trust);
  const clients = '        clients:\n';
  await installation.applied(file.replace(clients, `${clients}${workload('importer', SUB)}`));
});
afterAll(async () => {
  await cluster.close();
  await installation.remove();
});

interface Output {
  readonly hops: readonly { readonly hop: string; readonly outcome: string; readonly reason?: string }[];
  readonly claims: null;
  readonly unmet_conditions: readonly object[];
  readonly issuer: string | null;
  readonly comparison: readonly { readonly name: string }[];
  readonly failed: { readonly hop: string; readonly name: string | null; readonly mend: string | null } | null;
}

function token(changes: Readonly<Record<string, unknown>> = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: cluster.issuer, sub: SUB, aud: 'tessera-acme', iat: now, exp: now + 300, ...changes };
  return writeSubjectToken({ key: KEY, claims });
}

const run = (stdin: string, ...more: string[]) =>
  installation.run(['issuers', 'check', 'acme', '--token', '-', ...more], { stdin });

async function checked(stdin: string, ...more: string[]): Promise<Output & { code: number; stderr: string }> {
  const { code, stdout, stderr } = await run(stdin, '-o', 'json', ...more);
  return { code, stderr, ...(JSON.parse(stdout) as Output) };
}

describe('issuers check --token - of a workload', () => {
  it.each([
    ['the only client of the issuer', []],
    ['named', ['--client', 'shop/importer']],
  ])('tries the token as the assertion of a client that is %s', async (_, options) => {
    const { code, stderr, hops, claims, failed, issuer, comparison } = await checked(token(), ...options);
    expect({ code, stderr, claims, failed, issuer }).toEqual({
      code: 0,
      stderr: '',
      claims: null,
      failed: null,
      issuer: 'cluster',
    });
    expect(hops.map(({ hop, outcome }) => `${hop} ${outcome}`)).toEqual(
      ['client', 'form', 'trust', 'key', 'signature', 'kind', 'audience', 'times', 'conditions', 'workload'].map(
        (step) => `${step} passed`,
      ),
    );
    // What the issuer says of people binds no workload.
    expect(comparison.map(({ name }) => name)).not.toContain('email');
    const { stdout } = await run(token(), ...options);
    expect(stdout).toContain('The token authenticates client shop/importer as a workload of issuer cluster.');
  });

  it('says which condition of the client is not met', async () => {
    const { code, hops, failed, unmet_conditions: unmet } = await checked(token({ sub: `${SUB}-2` }));
    expect({ code, hop: failed?.hop, name: failed?.name }).toEqual({ code: 1, hop: 'workload', name: 'sub' });
    expect(hops.at(-1)).toMatchObject({
      outcome: 'refused',
      reason: 'it does not meet the condition of the workload on "sub"',
    });
    expect(unmet).toMatchObject([{ claim: 'sub', wants: `the text "${SUB}"` }]);
  });

  it('says which check of the issuer is not passed', async () => {
    const { code, failed } = await checked(token({ aud: 'other' }));
    expect({ code, hop: failed?.hop, name: failed?.name }).toEqual({ code: 1, hop: 'audience', name: 'aud' });
  });

  it('still tries an exchange for a client that is no workload', async () => {
    const { code, failed } = await checked(token(), '--client', 'shop/web');
    expect({ code, hop: failed?.hop }).toEqual({ code: 1, hop: 'trust' });
  });
});
