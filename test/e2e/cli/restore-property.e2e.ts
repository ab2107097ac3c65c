import fc from 'fast-check';
import { type RandomClient, randomTenants, type RandomTenant } from '../../support/fixtures/random-tenants.ts';
import { TestInstallation } from './installation.ts';

/** The rule: an export, applied with --prune over whatever came after it, restores the tenant exactly. A fixed seed, so that a failure comes again. */
const SEED = 20_261_127;
const RUNS = 12;

/** Half of the clients that have keys or a workload leave their policy to them. */
const withDefaultPolicies = (tenants: readonly RandomTenant[]) =>
  tenants.map((tenant) => ({
    ...tenant,
    projects: tenant.projects.map((project) => ({
      ...project,
      clients: project.clients.map((client: RandomClient) =>
        client.id === 'app' && client.policy === 'confidential' ? { ...client, policy: null } : client,
      ),
    })),
  }));
const text = (tenants: readonly object[]): string => JSON.stringify({ apiVersion: 'tessera/v1', tenants });

let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make();
});
afterEach(() => installation.remove());

const exported = async () => (await installation.run(['export'])).stdout;

it('an export restores the tenants, whatever was applied since', async () => {
  const worlds = randomTenants(['t0']).map(withDefaultPolicies);
  await fc.assert(
    fc.asyncProperty(worlds, worlds, async (one, other) => {
      await installation.applied(text(one), '--prune');
      const before = await exported();
      expect((await installation.applied(text(one))).changes).toEqual([]);
      await installation.applied(text(other), '--prune');
      await installation.applied(before, '--prune');
      expect(await exported()).toBe(before);
    }),
    { seed: SEED, numRuns: RUNS },
  );
});
