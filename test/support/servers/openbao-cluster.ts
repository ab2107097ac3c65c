import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { freePort, type RunningProcess, startProcess } from './process.ts';
import { healthOf, operator, prepare, request, type RunningOpenBao } from './openbao.ts';
import { requireServer } from './required-servers.ts';

export interface OpenBaoNode {
  readonly port: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again with its data, and unseals it. */
  restart(): Promise<void>;
}

/** Three servers with one raft storage. Standbys forward requests to the leader. */
export interface OpenBaoCluster {
  readonly nodes: readonly OpenBaoNode[];
  /** Waits for one. */
  leader(): Promise<OpenBaoNode>;
  /** The operator's access by a node that answers. */
  access(node: OpenBaoNode): Omit<RunningOpenBao, 'close'>;
  /** Lets the leader hand over to another node. */
  stepDown(): Promise<void>;
  /** Resolves when there is a leader, and every node votes. */
  whole(): Promise<void>;
  close(): Promise<void>;
}

export async function startOpenBaoCluster(): Promise<OpenBaoCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-openbao-'));
  const addresses = [];
  for (let index = 0; index < 3; index += 1)
    addresses.push({ id: `node-${index}`, port: await freePort(), clusterPort: await freePort() });
  const nodes: ClusterNode[] = [];
  for (const { id, port, clusterPort } of addresses) {
    const others = addresses.filter((other) => other.id !== id).map((other) => other.port);
    nodes.push(await makeNode(join(folder, id), id, { port, clusterPort }, others));
  }
  const [first, ...others] = nodes as [ClusterNode, ClusterNode, ClusterNode];
  await first.start();
  const { body } = await request(first.port, '', 'PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 });
  const { keys_base64: unsealKeys, root_token: rootToken } = body as { keys_base64: string[]; root_token: string };
  const unseal = async ({ port }: ClusterNode): Promise<void> => {
    await request(port, '', 'PUT', 'sys/unseal', { key: unsealKeys[0] });
    await eventually('the node is unsealed', async () => UNSEALED.has((await healthOf(port)) ?? 0));
  };
  await unseal(first);
  await eventually('there is a leader', async () => (await healthOf(first.port)) === ACTIVE);
  for (const node of others) {
    await node.start();
    // It joins by its configuration when it is unsealed.
    const isJoined = async () => (await healthOf(node.port)) !== NOT_INITIALIZED;
    await eventually('the node has joined', isJoined);
    await unseal(node);
  }
  await prepare(first.port, rootToken);
  const restartable = nodes.map((node) => ({
    ...node,
    restart: async () => {
      await node.start();
      await unseal(node);
    },
  }));
  const leader = async (): Promise<OpenBaoNode> => {
    let found: OpenBaoNode | undefined;
    await eventually('there is a leader', async () => {
      for (const node of restartable) if ((await healthOf(node.port)) === ACTIVE) found = node;
      return found !== undefined;
    });
    return found!;
  };
  const whole = async (): Promise<void> => {
    const isWhole = async () => {
      const statuses = await Promise.all(nodes.map(({ port }) => healthOf(port)));
      if (!statuses.includes(ACTIVE) || !statuses.every((status) => UNSEALED.has(status ?? 0))) return false;
      const access = operator((await leader()).port, rootToken);
      const answer = await access.api('GET', 'sys/storage/raft/configuration').catch(() => undefined);
      const servers = (answer?.body.data.config.servers ?? []) as { readonly voter: boolean }[];
      return servers.length === nodes.length && servers.every(({ voter }) => voter);
    };
    await eventually('all nodes are there and vote', isWhole);
  };
  // By default a node votes only 10 s after it has joined, and until then the loss of another one may be the loss of the quorum.
  await operator(first.port, rootToken).api('POST', 'sys/storage/raft/autopilot/configuration', {
    server_stabilization_time: '1s',
  });
  await whole();
  return {
    nodes: restartable,
    leader,
    access: ({ port }) => operator(port, rootToken),
    stepDown: async () => {
      await request((await leader()).port, rootToken, 'PUT', 'sys/step-down');
    },
    whole,
    close: async () => {
      await Promise.all(nodes.map((node) => node.stop('SIGKILL')));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const ACTIVE = 200;
const NOT_INITIALIZED = 501;
/** Active, standby. */
const UNSEALED: ReadonlySet<number> = new Set([ACTIVE, 429]);

interface ClusterNode extends Omit<OpenBaoNode, 'restart'> {
  start(): Promise<void>;
}

async function makeNode(
  folder: string,
  id: string,
  { port, clusterPort }: { readonly port: number; readonly clusterPort: number },
  others: readonly number[],
): Promise<ClusterNode> {
  await mkdir(folder);
  const config = join(folder, 'config.hcl');
  await writeFile(
    config,
    `storage "raft" {
       path = "${folder}"
       node_id = "${id}"
       performance_multiplier = 1
       autopilot_update_interval = "1s"
       autopilot_reconcile_interval = "1s"
${others.map((other) => `       retry_join { leader_api_addr = "http://127.0.0.1:${other}" }`).join('\n')}
     }
     listener "tcp" {
       address = "127.0.0.1:${port}"
       cluster_address = "127.0.0.1:${clusterPort}"
       tls_disable = true
     }
     api_addr = "http://127.0.0.1:${port}"
     cluster_addr = "https://127.0.0.1:${clusterPort}"
    `,
  );
  let server: RunningProcess | undefined;
  return {
    port,
    start: async () => {
      server = await startProcess(requireServer('openbao'), ['server', `-config=${config}`], {
        cwd: folder,
        env: { ...process.env, HOME: folder },
        ready: async () => (await healthOf(port)) !== undefined,
      });
    },
    stop: async (signal = 'SIGTERM') => {
      await server?.end(signal);
    },
  };
}
