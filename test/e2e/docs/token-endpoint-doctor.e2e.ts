import type { Finding } from '../../../src/cli/doctor/finding.ts';
import { type HostileProvider, startHostileProvider } from '../../../src/testing/hostile-provider.ts';
import { providerKey } from '../../../src/testing/provider-tokens.ts';
import { HEADINGS, type SetUp, tenantsFile } from '../../support/fixtures/token-endpoint-page.ts';
import { TestInstallation } from '../cli/installation.ts';

/** What `tessera doctor` says to somebody who has copied a set-up of docs/token-endpoint.md. */
let provider: HostileProvider;
let installation: TestInstallation;
beforeAll(async () => {
  provider = await startHostileProvider();
  provider.keys = [providerKey('rsa', 'RS256').jwk];
  installation = await TestInstallation.make({ TESSERA_FEDERATION_ALLOWED_HOSTS: provider.hostPort });
});
afterAll(async () => {
  await installation.remove();
  await provider.close();
});

it.each(Object.keys(HEADINGS) as SetUp[])('finds nothing in the set-up %s', async (setUp) => {
  await installation.applied(tenantsFile(setUp, provider.jwksUri));
  const { stdout } = await installation.run(['doctor', setUp, '-o', 'json']);
  expect((JSON.parse(stdout) as { findings: readonly Finding[] }).findings).toEqual([]);
});
