import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { requireServer } from '../test/support/required-servers.ts';
import type { PinnedProcess } from './pinned-process.ts';

export interface Load {
  readonly url: string;
  readonly contentType: string;
  /** The value of `Authorization`, where the door wants one. */
  readonly authorization?: string;
  /**
   * One body, or several that take turns. The turn goes on from one run of the load to the next with `firstBody`.
   */
  readonly bodies: readonly string[];
  readonly firstBody?: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers other than 200, and connections that broke. */
  readonly failures: number;
}

export const CONNECTIONS = 32;

/**
 * Loads one server for some seconds with wrk: it costs so little that one core outruns every server here, which a load generator in
 * JavaScript does not.
 */
export async function runLoad(folder: string, server: PinnedProcess, load: Load, seconds: number): Promise<LoadResult> {
  const script = join(folder, 'load.lua');
  const bodies = join(folder, 'load.bodies');
  // One body a line: JSON and form bodies have no line break.
  await writeFile(bodies, load.bodies.join('\n'));
  await writeFile(script, luaScript(load, bodies));
  const output = await run(requireServer('wrk'), [
    ...['--threads', '1', '--connections', String(CONNECTIONS), '--duration', `${seconds}s`, '--timeout', '10s'],
    ...['--script', script, load.url],
  ]).catch((error: unknown) => {
    throw new Error(`the load failed; the server printed last:\n${server.lastLines()}`, { cause: error });
  });
  const line = output.split('\n').find((text) => text.startsWith('{'));
  if (line === undefined) throw new Error(`wrk printed no result:\n${output}`);
  const result = JSON.parse(line) as { requests: number; micros: number; failures: number; p50: number; p99: number };
  return {
    requests: result.requests,
    requestsPerSecond: result.requests / (result.micros / 1e6),
    p50Ms: result.p50 / 1000,
    p99Ms: result.p99 / 1000,
    failures: result.failures,
  };
}

function luaScript(load: Load, bodiesFile: string): string {
  return `
    local bodies = {}
    for line in io.lines(${JSON.stringify(bodiesFile)}) do bodies[#bodies + 1] = line end
    local headers = { ["Content-Type"] = ${JSON.stringify(load.contentType)} }
    headers["Authorization"] = ${load.authorization === undefined ? 'nil' : JSON.stringify(load.authorization)}
    local requests = {}
    local next = ${load.firstBody ?? 0} % #bodies
    function request()
      next = next % #bodies + 1
      if not requests[next] then requests[next] = wrk.format("POST", nil, headers, bodies[next]) end
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
  const headers = {
    'content-type': load.contentType,
    ...(load.authorization === undefined ? {} : { authorization: load.authorization }),
  };
  const request = { method: 'POST', headers, body: load.bodies[0] ?? '' };
  for (;;) {
    const answer = await fetch(load.url, request).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.status === 200) return;
    if (server.hasEnded()) throw new Error(`the server ended before its first token:\n${server.lastLines()}`);
    if (performance.now() > deadline)
      throw new Error(`no token from ${load.url}, but ${answer?.status ?? 'no answer'}:\n${server.lastLines()}`);
    await delay(pollMs);
  }
}
