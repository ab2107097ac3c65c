import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { accessTo, installMariaDb, type MariaDbAccess, secureRoot, SMALL_SERVER } from './mariadb-access.ts';
import { freePort, type RunningProcess, startProcess } from './process.ts';
import { requireServer } from './required-servers.ts';

/** One of three MariaDB servers that replicate to each other, each of which takes writes. */
export interface GaleraNode extends MariaDbAccess {
  /** Stops the server; `SIGKILL` simulates a crash. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again with its data. It gets what it missed from another node. */
  restart(): Promise<void>;
  /** Cuts it off the other nodes until `rejoin`: it loses the quorum, the other two keep it. Clients still reach it. */
  isolate(): Promise<void>;
  rejoin(): Promise<void>;
  /** A status variable; undefined if the node does not answer. */
  status(name: string): Promise<string | undefined>;
  /** Its output since its last start. */
  output(): string;
}

export interface GaleraCluster {
  readonly nodes: readonly [GaleraNode, GaleraNode, GaleraNode];
  /** Resolves when all three are in the cluster and serve. */
  whole(): Promise<void>;
  close(): Promise<void>;
}

const SIZE = 3;

/** As docs/operation.md recommends for one network: a lost node is given up after 2 s instead of 5. */
const EVICTION =
  'evs.keepalive_period=PT0.5S;evs.suspect_timeout=PT2S;evs.inactive_timeout=PT4S;evs.install_timeout=PT4S';

/**
 * The user that the servers run as. Not root: the state transfer's receiver is rsync as a daemon, and one that root starts becomes `nobody`, who may not
 * write to the data directory.
 */
const SERVER_USER = process.getuid?.() === 0 ? 'mysql' : undefined;

/** @param serverOptions for every node */
export async function startGalera(serverOptions: readonly string[] = []): Promise<GaleraCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-galera-'));
  await chmod(folder, 0o755);
  const groupPorts: number[] = [];
  for (let index = 0; index < SIZE; index += 1) groupPorts.push(await freePort());
  const nodes: StartableNode[] = [];
  for (let index = 0; index < SIZE; index += 1)
    nodes.push(await makeNode(join(folder, `node-${index}`), index, groupPorts, serverOptions));
  const [first, second, third] = nodes as [StartableNode, StartableNode, StartableNode];
  await first.bootstrap();
  // One after the other: a node that gives its state to a new one does not give it to another at the same time.
  await second.restart();
  await third.restart();
  return {
    nodes: [first, second, third],
    whole: async () => {
      const isWhole = async () => (await Promise.all(nodes.map((node) => node.isInWholeCluster()))).every(Boolean);
      await eventually('all nodes are in the cluster', isWhole);
    },
    close: async () => {
      await Promise.all(nodes.map((node) => node.stop('SIGKILL')));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface StartableNode extends GaleraNode {
  bootstrap(): Promise<void>;
  isInWholeCluster(): Promise<boolean>;
}

async function makeNode(
  folder: string,
  index: number,
  groupPorts: readonly number[],
  serverOptions: readonly string[],
): Promise<StartableNode> {
  const program = requireServer('mariadb');
  const [dataDirectory, tmpDirectory] = [join(folder, 'data'), join(folder, 'tmp')];
  for (const made of [dataDirectory, tmpDirectory]) await mkdir(made, { recursive: true });
  await own(folder);
  const port = await freePort();
  const groupPort = groupPorts[index]!;
  const [incrementalPort, transferPort] = [await freePort(), await freePort()];
  const options = [
    '--no-defaults',
    ...(SERVER_USER === undefined ? [] : [`--user=${SERVER_USER}`]),
    `--datadir=${dataDirectory}`,
    `--tmpdir=${tmpDirectory}`,
    `--socket=${join(folder, 's')}`,
    `--pid-file=${join(folder, 'pid')}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    ...SMALL_SERVER,
    '--binlog-format=ROW',
    '--innodb-autoinc-lock-mode=2',
    '--wsrep-on=ON',
    `--wsrep-provider=${join(requireServer('galera'), 'libgalera_smm.so')}`,
    '--wsrep-cluster-name=tessera',
    `--wsrep-cluster-address=gcomm://${groupPorts.map((each) => `127.0.0.1:${each}`).join(',')}`,
    `--wsrep-node-name=node-${index}`,
    `--wsrep-node-address=127.0.0.1:${groupPort}`,
    '--wsrep-sst-method=rsync',
    `--wsrep-sst-receive-address=127.0.0.1:${transferPort}`,
    `--wsrep-provider-options=base_port=${groupPort};gmcast.listen_addr=tcp://127.0.0.1:${groupPort};ist.recv_addr=127.0.0.1:${incrementalPort};gcache.size=32M;${EVICTION}`,
    ...serverOptions,
  ];
  const access = accessTo(port);
  let server: RunningProcess | undefined;
  const status = async (name: string): Promise<string | undefined> => {
    try {
      const [row] = await access.sql(`SHOW GLOBAL STATUS LIKE '${name}'`);
      return row?.['Value'] as string | undefined;
    } catch {
      return undefined;
    }
  };
  const start = async (...more: readonly string[]): Promise<void> => {
    server = await startProcess(program, [...options, ...more], {
      // The line that contains the version is the last one of a start.
      ready: (running) => running.output().includes("Version: '"),
    });
  };
  const isSynced = async () => (await status('wsrep_local_state_comment')) === 'Synced';
  return {
    ...access,
    status,
    output: () => server?.output() ?? '',
    bootstrap: async () => {
      await installMariaDb(dataDirectory, tmpDirectory, SERVER_USER);
      await own(folder);
      await start('--wsrep-new-cluster');
      await secureRoot(port);
    },
    restart: async () => {
      await start(...(await recoveredPosition(program, options)));
      await eventually('the node is synced', isSynced);
    },
    stop: async (signal = 'SIGTERM') => {
      await server?.end(signal);
    },
    isolate: async () => {
      await access.sql("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'");
    },
    rejoin: async () => {
      await access.sql("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'");
    },
    isInWholeCluster: async () => (await status('wsrep_cluster_size')) === String(SIZE) && (await isSynced()),
  };
}

/** As systemd's unit of MariaDB does: where a killed node was, so that it gets only what it missed. None for one without data. */
async function recoveredPosition(program: string, options: readonly string[]): Promise<readonly string[]> {
  const { stderr, stdout } = await promisify(execFile)(program, [...options, '--wsrep-recover'], {
    maxBuffer: 16 * 1024 * 1024,
  }).catch(() => ({ stderr: '', stdout: '' }));
  const position = /Recovered position:\s*([0-9a-f-]+:-?\d+)/.exec(stderr + stdout)?.[1];
  return position === undefined ? [] : [`--wsrep-start-position=${position}`];
}

async function own(folder: string): Promise<void> {
  if (SERVER_USER !== undefined) await promisify(execFile)('chown', ['-R', SERVER_USER, folder]);
}
