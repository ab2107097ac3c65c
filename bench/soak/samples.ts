import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { PinnedProcess } from '../harness/pinned-process.ts';
import type { SoakInstallation } from './installation.ts';
import type { Requests } from './requests.ts';
import type { Point } from './slope.ts';

export interface SeriesPlan {
  readonly title: string;
  readonly unit: string;
  /** A rise that is never more than noise, in the unit. */
  readonly least: number;
  /** Whether a rise ends the soak with an error. Others are for the eye. */
  readonly isJudged: boolean;
}

/** Everything that is sampled. */
export const SERIES = {
  residentMiB: { title: 'resident memory', unit: 'MiB', least: 2, isJudged: true },
  heapMiB: { title: 'used heap', unit: 'MiB', least: 1, isJudged: true },
  externalMiB: { title: 'memory outside of the heap', unit: 'MiB', least: 1, isJudged: true },
  handles: { title: 'handles and requests of the event loop', unit: '', least: 2, isJudged: true },
  files: { title: 'open files, without sockets', unit: '', least: 1, isJudged: true },
  sockets: { title: 'open sockets', unit: '', least: 2, isJudged: true },
  threads: { title: 'threads', unit: '', least: 1, isJudged: true },
  pools: { title: 'pools of tenants', unit: '', least: 1, isJudged: true },
  poolConnections: { title: 'connections of tenants', unit: '', least: 2, isJudged: true },
  databaseConnections: { title: 'connections at the database server', unit: '', least: 2, isJudged: true },
  dataFiles: { title: 'files in the data folder', unit: '', least: 1, isJudged: true },
  metricLines: { title: 'lines of /metrics', unit: '', least: 2, isJudged: true },
  loopP99Ms: { title: 'delay of the event loop, p99', unit: 'ms', least: 1, isJudged: true },
  loopMaxMs: { title: 'delay of the event loop, longest', unit: 'ms', least: 0, isJudged: false },
  revocations: { title: 'revocations in memory', unit: '', least: 0, isJudged: false },
  issuedPerSecond: { title: 'tokens per second', unit: '', least: 0, isJudged: false },
} as const satisfies Record<string, SeriesPlan>;

export type SeriesName = keyof typeof SERIES;

/** Values of `SERIES` by the seconds since the start of the load. */
export class Samples {
  readonly series = new Map<SeriesName, Point[]>();
  readonly #server: PinnedProcess;
  readonly #installation: SoakInstallation;
  readonly #requests: Requests;
  readonly #probeFile: string;
  readonly #startedAt = performance.now();
  #last = { issued: 0, atMs: performance.now() };

  constructor(server: PinnedProcess, installation: SoakInstallation, requests: Requests, probeFile: string) {
    this.#server = server;
    this.#installation = installation;
    this.#requests = requests;
    this.#probeFile = probeFile;
  }

  async take(issued: number): Promise<void> {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const metrics = await this.#requests.metrics();
    const descriptors = descriptorsOf(this.#server.pid);
    const connections = await this.#installation.databaseConnections();
    const values: Partial<Record<SeriesName, number>> = {
      residentMiB: this.#server.residentMiB(),
      files: descriptors.filter((target) => !target.startsWith('socket:')).length,
      sockets: descriptors.filter((target) => target.startsWith('socket:')).length,
      threads: readdirSync(`/proc/${this.#server.pid}/task`).length,
      pools: metric(metrics, 'tessera_tenant_connections{state="pools"}'),
      poolConnections: metric(metrics, 'tessera_tenant_connections{state="connections"}'),
      revocations: metric(metrics, 'tessera_revocations'),
      metricLines: metrics.split('\n').length,
      issuedPerSecond: this.#rate(issued),
      // With databases on a server there is no data folder.
      ...(connections === undefined
        ? { dataFiles: filesBelow(this.#installation.tessera.dataFolder) }
        : { databaseConnections: connections }),
      ...readProbe(this.#probeFile),
    };
    for (const [name, value] of Object.entries(values) as [SeriesName, number][]) {
      const points = this.series.get(name);
      if (points === undefined) this.series.set(name, [{ seconds, value }]);
      else points.push({ seconds, value });
    }
  }

  #rate(issued: number): number {
    const atMs = performance.now();
    const rate = ((issued - this.#last.issued) / (atMs - this.#last.atMs)) * 1000;
    this.#last = { issued, atMs };
    return rate;
  }
}

/** The last line of the probe in the server. */
function readProbe(file: string): Partial<Record<SeriesName, number>> {
  const line = readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? '';
  const { heapUsed, external, handles, loopP99Ms, loopMaxMs } = JSON.parse(line) as Record<string, number>;
  const MiB = 1024 * 1024;
  return {
    heapMiB: heapUsed! / MiB,
    externalMiB: external! / MiB,
    handles: handles!,
    loopP99Ms: loopP99Ms!,
    loopMaxMs: loopMaxMs!,
  };
}

function metric(text: string, name: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  if (line === undefined) throw new Error(`/metrics has no ${name}`);
  return Number(line.slice(name.length));
}

/** What the open descriptors lead to. */
function descriptorsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${name}`)];
    } catch {
      // Closed meanwhile.
      return [];
    }
  });
}

function filesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
}
