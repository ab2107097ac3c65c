import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { REPOSITORY } from '../../test/support/servers/required-servers.ts';

const PROBE = pathToFileURL(join(REPOSITORY, 'bench/harness/allocation-probe.mjs')).href;
const ANSWER_WITHIN_MS = 10_000;

/** Counts what a server of Node.js allocates in its JavaScript heap, by a probe in it. */
export class Allocations {
  readonly #file: string;

  /** @param file that the server may write and nobody else */
  constructor(file: string) {
    this.#file = file;
  }

  /** What the server needs in its environment. */
  environment(nodeOptions = ''): Record<string, string> {
    return { NODE_OPTIONS: `${nodeOptions} --import=${PROBE}`.trim(), BENCH_ALLOCATION_FILE: this.#file };
  }

  /** Call it when the server has answered: before the probe is loaded, the signal would end it. */
  async start(pid: number): Promise<void> {
    await this.#ask(pid);
  }

  /** @returns the bytes since `start` */
  async stop(pid: number): Promise<number> {
    return Number(await this.#ask(pid));
  }

  async #ask(pid: number): Promise<string> {
    await rm(this.#file, { force: true });
    process.kill(pid, 'SIGUSR2');
    const deadline = performance.now() + ANSWER_WITHIN_MS;
    for (;;) {
      const text = await readFile(this.#file, 'utf8').catch(() => '');
      if (text.endsWith('\n')) return text.trim();
      if (performance.now() > deadline) throw new Error('the server does not say what it allocates');
      await delay(5);
    }
  }
}
