import { type GaleraCluster, startGalera } from '../../support/servers/galera.ts';
import { describeApplyLock } from './apply-lock-on-nodes.ts';
import { describeDatabases } from './databases-on-nodes.ts';
import { describeReplicas } from './replicas-on-nodes.ts';

/** What holds with one database server holds with a cluster of three. */
let cluster: GaleraCluster;
beforeAll(async () => {
  cluster = await startGalera();
});
afterAll(async () => {
  await cluster?.close();
});

describe('the control database', () => {
  describeDatabases(() => cluster);
});

describe('the apply lock', () => {
  describeApplyLock(() => cluster);
});

describe('two servers, each at a node of its own', () => {
  describeReplicas(() => cluster);
});
