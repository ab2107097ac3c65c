import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { type OpenBaoCluster, type OpenBaoNode, startOpenBaoCluster } from '../../support/servers/openbao-cluster.ts';
import { startTcpProxy, type TcpProxy } from '../../support/servers/tcp-proxy.ts';
import { type ExchangeReplicas, startExchangeReplicas } from '../../support/tessera/exchange-replicas.ts';
import { tenantsWithTrusts, trustOf } from '../../support/tessera/exchange-service.ts';
import type { ServerProcess } from '../../support/tessera/server-process.ts';
import { IS_FULL } from './form.ts';
import { MintLoad } from './mint-load.ts';

/** A server on an OpenBao of three nodes. It reaches one of them by a proxy and keeps what it has read for 1 s only. */
const ROUNDS = IS_FULL ? 5 : 1;
/** Raft elects a leader some seconds after the last one was killed. Until then standbys answer reads and refuse writes. */
const ELECTED_WITHIN_MS = 20_000;

let vault: OpenBaoCluster;
let proxy: TcpProxy;
let replicas: ExchangeReplicas;
let server: ServerProcess;

beforeAll(async () => {
  vault = await startOpenBaoCluster();
  const leader = await vault.leader();
  proxy = await startTcpProxy(leader.port);
  replicas = await startExchangeReplicas(1, tenantsWithTrusts(trustOf('corp', 'https://idp.example.com')), {
    VAULT_ADDR: `http://127.0.0.1:${proxy.port}`,
    VAULT_TOKEN: await vault.access(leader).createToken(),
    TESSERA_VAULT_CACHE_SECONDS: '1',
    TESSERA_FAILURES_PER_MINUTE: '100000',
  });
  [server] = replicas.servers as [ServerProcess];
});
afterAll(async () => {
  await replicas?.close();
  await proxy?.close();
  await vault?.close();
});

const isReady = async () => (await fetch(`${server.url}/readyz`)).status === 200;

/** Loads the server with right and wrong secrets while the leader changes. */
async function changeLeader(change: (leader: OpenBaoNode) => Promise<unknown>): Promise<number> {
  const [right, wrong] = [
    new MintLoad(() => replicas.mint(server, 'user')),
    new MintLoad(() => replicas.mint(server, 'user', 'wrong')),
  ];
  await eventually('tokens are made', () => right.tokenIds.length > 20);
  const changedAt = right.now();
  await change(await vault.leader());
  await vault.leader();
  await eventually('it is ready', isReady, ELECTED_WITHIN_MS);
  await eventually('both are answered again', () => right.statuses.at(-1) === 200 && wrong.statuses.at(-1) === 401);
  await delay(2_000);
  await Promise.all([right.stop(), wrong.stop()]);
  expect([...new Set(right.statuses)].filter((status) => status !== 503)).toEqual([200]);
  expect([...new Set(wrong.statuses)].filter((status) => status !== 503)).toEqual([401]);
  expect(right.statuses.at(-1)).toBe(200);
  expect(wrong.statuses.at(-1)).toBe(401);
  return right.longestGapMs(changedAt);
}

async function standby(): Promise<OpenBaoNode> {
  const leader = await vault.leader();
  return vault.nodes.find(({ port }) => port !== leader.port)!;
}

it('a leader that steps down: no wrong answer, and the server goes on by itself', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const gapMs = await changeLeader(() => vault.stepDown());
    process.stdout.write(`step-down: ${Math.round(gapMs)} ms without a token\n`);
    await vault.whole();
  }
});

it('a leader that is killed: no wrong answer, and a server at a standby goes on by itself', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    proxy.switchTo((await standby()).port);
    proxy.cut();
    await eventually('it is ready', isReady, ELECTED_WITHIN_MS);
    let killed: OpenBaoNode | undefined;
    const gapMs = await changeLeader(async (leader) => {
      killed = leader;
      await leader.stop('SIGKILL');
    });
    expect(gapMs).toBeLessThan(ELECTED_WITHIN_MS);
    process.stdout.write(`killed leader: ${Math.round(gapMs)} ms without a token\n`);
    await killed!.restart();
    await vault.whole();
  }
});

it('what is written while the leader changes is there afterwards, or the command says that it is not', async () => {
  const kids = async (): Promise<string[]> => {
    let listed = '';
    // A node that follows a new leader may refuse a read for a moment, too.
    await eventually(
      'the keys are listed',
      async () => {
        listed = await replicas.cli(['keys', 'list', 'acme', '-o', 'json']).catch(() => '');
        return listed !== '';
      },
      ELECTED_WITHIN_MS,
    );
    return (JSON.parse(listed) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
  };
  const before = await kids();
  const rotated = replicas.cli(['keys', 'rotate', 'acme', '-o', 'json']).then(
    () => true,
    () => false,
  );
  await vault.stepDown();
  const isRotated = await rotated;
  await vault.whole();
  const after = await kids();
  expect(after).toEqual(expect.arrayContaining(before));
  expect(after.length - before.length === 1 || !isRotated).toBe(true);
  expect(after.length - before.length).toBeLessThanOrEqual(1);
});
