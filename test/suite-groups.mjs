/**
 * The suites that `scripts/jest-groups.mjs` does not run beside any other. Paths are relative to the repository.
 *
 * A new suite belongs in neither list, unless it asserts how long something took or how much memory it needed, or needs the whole machine.
 */

/** They assert time limits but use little of the processor: beside each other they leave it idle. */
export const WAITING = new Set([
  'libs/token/src/keys/remote-key-set.spec.ts',
  'libs/token/src/revocations/revocation-feed.spec.ts',
  'src/control-plane/control-plane.module.spec.ts',
  'src/identity-providers/keys/remote-key-sets.spec.ts',
  'src/runtime/deadline.spec.ts',
  'test/e2e/http/shutdown.e2e.ts',
  'test/e2e/http/slow-clients.e2e.ts',
  'test/e2e/oidc-token/issuers.e2e.ts',
  'test/e2e/oidc-token/provider-faults.e2e.ts',
  'test/e2e/verification/revocation-feed.e2e.ts',
  'test/integration/cluster/openbao.int.ts',
  'test/integration/tokens/exchange-replicas.int.ts',
  'test/integration/hostile/hostile-sessions.int.ts',
  'test/integration/tokens/issuing.int.ts',
  'test/integration/tokens/redis-limits.int.ts',
  'test/integration/hostile/revocation-races.int.ts',
  'test/integration/storage/storage-faults.int.ts',
  'test/integration/tokens/vault.int.ts',
  'test/integration/whole-server/leaks.int.ts',
  'test/integration/whole-server/replicas.int.ts',
  'test/integration/whole-server/start.int.ts',
]);

/** They put a load on the machine, or measure it closely. */
export const ALONE = new Set([
  'test/integration/cluster/galera.int.ts',
  'test/e2e/cli/under-load.e2e.ts',
  'test/e2e/faults/loop-delay.e2e.ts',
  'test/integration/storage/failover.int.ts',
  'test/integration/hostile/hostile-tenants.int.ts',
  'test/integration/hostile/revocations.int.ts',
  'test/integration/whole-server/kills.int.ts',
  'test/integration/whole-server/many-tenants.int.ts',
  'test/integration/whole-server/outages.int.ts',
]);
