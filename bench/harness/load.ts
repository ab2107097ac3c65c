import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { requireServer } from '../../test/support/servers/required-servers.ts';
import type { PinnedProcess } from './pinned-process.ts';

export type Load = PostLoad | GetLoad;

export interface PostLoad {
  readonly method?: 'POST';
  readonly url: string;
  readonly contentType: string;
  /** The value of `Authorization`, if the endpoint needs one. */
  readonly authorization?: string;
  /** One body, or several that alternate. With `firstBody` the order continues from one run of the load to the next. */
  readonly bodies: readonly string[];
  readonly firstBody?: number;
}

export interface GetLoad {
  readonly method: 'GET';
  readonly url: string;
  /** Values of `Authorization` that alternate. */
  readonly authorizations: readonly string[];
}

export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** CPU time of the server for each request, microseconds. It depends less on what else runs than the rate does. */
  readonly cpuMicros: number;
  /** What the server allocates in its JavaScript heap for each request, which is the garbage that it makes. */
  readonly allocatedBytes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Responses other than 200, and broken connections. */
  readonly failures: number;
}

export const CONNECTIONS = 32;

/**
 * Loads one server for some seconds with wrk. wrk costs so little that one core outruns every server here; a load generator in JavaScript does not.
 */
export async function runLoad(folder: string, server: PinnedProcess, load: Load, seconds: number): Promise<LoadResult> {
  const script = join(folder, 'load.lua');
  const turns = join(folder, 'load.turns');
  // One per line: JSON, form bodies and header values contain no line break.
  await writeFile(turns, (load.method === 'GET' ? load.authorizations : load.bodies).join('\n'));
  await writeFile(script, luaScript(load, turns));
  const { allocations } = server;
  if (allocations === undefined) throw new Error('the server was started without the probe of its allocations');
  await allocations.start(server.pid);
  const cpuBefore = server.cpuSeconds();
  const output = await run(requireServer('wrk'), [
    ...['--threads', '1', '--connections', String(CONNECTIONS), '--duration', `${seconds}s`, '--timeout', '10s'],
    ...['--script', script, load.url],
  ]).catch((error: unknown) => {
    throw new Error(`the load failed; the server printed last:\n${server.lastLines()}`, { cause: error });
  });
  const cpuSeconds = server.cpuSeconds() - cpuBefore;
  const allocated = await allocations.stop(server.pid);
  const line = output.split('\n').find((text) => text.startsWith('{'));
  if (line === undefined) throw new Error(`wrk printed no result:\n${output}`);
  const result = JSON.parse(line) as { requests: number; micros: number; failures: number; p50: number; p99: number };
  return {
    requests: result.requests,
    requestsPerSecond: result.requests / (result.micros / 1e6),
    cpuMicros: (cpuSeconds * 1e6) / result.requests,
    allocatedBytes: allocated / result.requests,
    p50Ms: result.p50 / 1000,
    p99Ms: result.p99 / 1000,
    failures: result.failures,
  };
}

function luaScript(load: Load, turnsFile: string): string {
  return `
    local turns = {}
    for line in io.lines(${JSON.stringify(turnsFile)}) do turns[#turns + 1] = line end
    ${luaFormat(load)}
    local requests = {}
    local next = ${load.method === 'GET' ? 0 : (load.firstBody ?? 0)} % #turns
    function request()
      next = next % #turns + 1
      if not requests[next] then requests[next] = format(turns[next]) end
      return requests[next]
    end
    function done(summary, latency)
      local errors = summary.errors
      io.write(string.format('{"requests":%d,"micros":%d,"failures":%d,"p50":%d,"p99":%d}\\n',
        summary.requests, summary.duration, errors.status + errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50), latency:percentile(99)))
    end
  `;
}

/** The request of one turn, as wrk sends it. */
function luaFormat(load: Load): string {
  if (load.method === 'GET')
    return `local function format(turn) return wrk.format("GET", nil, { ["Authorization"] = turn }) end`;
  return `
    local headers = { ["Content-Type"] = ${JSON.stringify(load.contentType)} }
    headers["Authorization"] = ${load.authorization === undefined ? 'nil' : JSON.stringify(load.authorization)}
    local function format(turn) return wrk.format("POST", nil, headers, turn) end
  `;
}

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ended with ${code ?? 'a signal'}:\n${output}`));
    });
  });
}

/** Polls the server until it answers the load's first request with a 200. */
export async function untilAnswered(server: PinnedProcess, load: Load, pollMs = 20, withinMs = 30_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  const request = firstRequest(load);
  for (;;) {
    const answer = await fetch(load.url, request).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.status === 200) return;
    if (server.hasEnded()) throw new Error(`the server ended before its first answer:\n${server.lastLines()}`);
    if (performance.now() > deadline)
      throw new Error(`no 200 from ${load.url}, but ${answer?.status ?? 'no answer'}:\n${server.lastLines()}`);
    await delay(pollMs);
  }
}

function firstRequest(load: Load): RequestInit {
  if (load.method === 'GET') return { headers: { authorization: load.authorizations[0] ?? '' } };
  const headers = {
    'content-type': load.contentType,
    ...(load.authorization === undefined ? {} : { authorization: load.authorization }),
  };
  return { method: 'POST', headers, body: load.bodies[0] ?? '' };
}
