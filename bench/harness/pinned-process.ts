import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { Allocations } from './allocations.ts';

/** The measured server has its own core. The load and everything that the server connects to share the other one. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

export interface PinnedProcess {
  readonly pid: number;
  /** Undefined: it was started without the probe. */
  readonly allocations: Allocations | undefined;
  hasEnded(): boolean;
  /** The last lines of its output. */
  lastLines(): string;
  /** Resident memory now, MiB. */
  residentMiB(): number;
  /** The most since its start. */
  peakResidentMiB(): number;
  /** CPU time since its start, user and system. */
  cpuSeconds(): number;
  /** Stops it until `resume`: not even its timers take the core. */
  pause(): void;
  resume(): void;
  /** Sends SIGTERM to its process id, and waits. */
  end(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts a program on one core. Its output goes to a file, as an access log does in production; a pipe would put the reader's work on the core of the
 * load.
 *
 * @param options.countsAllocations whether a server of Node.js gets the probe that counts what it allocates, which needs a moment at its start
 */
export async function startPinned(
  core: number,
  command: readonly string[],
  options: {
    readonly env?: NodeJS.ProcessEnv;
    readonly cwd: string;
    readonly logFile: string;
    readonly countsAllocations: boolean;
  },
): Promise<PinnedProcess> {
  const allocations = options.countsAllocations ? new Allocations(`${options.logFile}.allocated`) : undefined;
  const log = openSync(options.logFile, 'a');
  // taskset replaces itself by the program, so the child's process id is the program's.
  const child = spawn('taskset', ['--cpu-list', String(core), ...command], {
    cwd: options.cwd,
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'production',
      ...options.env,
      ...allocations?.environment(options.env?.['NODE_OPTIONS']),
    },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  running.add(child);
  child.once('exit', () => running.delete(child));
  await once(child, 'spawn');
  return {
    pid: child.pid!,
    allocations,
    hasEnded: () => !running.has(child),
    lastLines: () => readFileSync(options.logFile, 'utf8').split('\n').slice(-10).join('\n'),
    residentMiB: () => statusMiB(child.pid!, 'VmRSS'),
    peakResidentMiB: () => statusMiB(child.pid!, 'VmHWM'),
    cpuSeconds: () => cpuSeconds(child.pid!),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    end: async () => {
      if (!running.has(child)) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** Puts this process on the core of the load, and so everything that it starts without another core. */
export async function pinThisProcess(): Promise<void> {
  const child = spawn('taskset', ['--all-tasks', '--cpu-list', '--pid', String(LOAD_CORE), String(process.pid)], {
    stdio: 'ignore',
  });
  await once(child, 'exit');
  if (child.exitCode !== 0) throw new Error('taskset failed: the benchmarks need Linux with two cores');
}

/** Linux counts in hundredths of a second (proc(5)). */
function cpuSeconds(pid: number): number {
  // The name in parentheses may contain anything; user and system time are the 12th and 13th field after it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function statusMiB(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const kiB = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kiB) / 1024);
}
