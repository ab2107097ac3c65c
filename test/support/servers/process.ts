import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A server or command under test. It is stopped by its own process id. */
export interface RunningProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Its output so far, standard output and error mixed. */
  output(): string;
  /** Sends the signal and waits for the exit. Returns the exit code, or null if a signal ended it. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
  readonly ended: Promise<number | null>;
  /** Stops its threads until `resume`. Resolves when all have stopped. */
  pause(): Promise<void>;
  resume(): void;
}

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Called until it returns true. */
  readonly ready: (process: RunningProcess) => Promise<boolean> | boolean;
  readonly readyWithinMs?: number;
}

const started = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL');
});

export async function startProcess(
  command: string,
  args: readonly string[],
  options: StartOptions,
): Promise<RunningProcess> {
  const child = spawn(command, args, {
    env: options.env ?? process.env,
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.add(child);
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => chunks.push(text));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      started.delete(child);
      resolve(code);
    });
  });
  ended.catch(() => undefined);
  await Promise.race([once(child, 'spawn'), ended]);
  const running: RunningProcess = {
    child,
    pid: child.pid!,
    output: () => chunks.join(''),
    ended,
    end: async (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
    pause: async () => {
      child.kill('SIGSTOP');
      // The kernel stops one thread after another: for some milliseconds another one may still respond.
      while (!(await standsStill(child.pid!))) await delay(1);
    },
    resume: () => void child.kill('SIGCONT'),
  };
  const deadline = Date.now() + (options.readyWithinMs ?? 90_000);
  while (!(await options.ready(running))) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`${command} ended before it was ready:\n${running.output()}`);
    if (Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`${command} was not ready in time:\n${running.output()}`);
    }
    await delay(50);
  }
  return running;
}

/** Whether every thread is in state T; proc_pid_stat(5): the state follows the name, which is in parentheses. */
async function standsStill(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const stats = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'latin1')));
  return stats.every((stat) => stat.slice(stat.lastIndexOf(')')).startsWith(') T'));
}

/** Below the ports of outgoing connections: one of those could take the port before the server that is about to start. */
const PORTS = { first: 20_000, count: 12_000 };
/** Suites that run beside each other take every eighth port, each from its own number on, and so never offer the same one. */
const STEP = 8;
const worker = Number(process.env['JEST_WORKER_ID'] ?? 0) % STEP;
let portsTried = Math.floor(Math.random() * PORTS.count);

/** A free port on 127.0.0.1. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    portsTried += 1;
    const port = PORTS.first + ((portsTried * STEP + worker) % PORTS.count);
    if (await isFree(port)) return port;
  }
  throw new Error('no port of a hundred is free');
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
