import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { loadConfig } from '../src/config/load-config.ts';
import { Log } from '../src/logging/log.ts';
import { revocationsOfTokenId } from '../src/revocation/new-revocations.ts';
import { createControlPlane } from '../src/control-plane/control-plane.ts';
import { RevocationRecords } from '../src/revocation/revocation-records.ts';
import { parseTenantId } from '../src/domain/ids.ts';
import type { PinnedProcess } from './harness/pinned-process.ts';
import { type Section, decimals, figure, targetMark } from './harness/report.ts';
import { SAMPLE } from './sample/sample-request.ts';
import { provisionSample } from './sample/sample-tenant.ts';
import { untilAnswered } from './harness/load.ts';

const POLLERS = 1_000;
/** The default of @tessera/token. */
const WAIT_SECONDS = 15;
/** Longer than one wait, so that each poller was answered and has asked again. */
const QUIET_SECONDS = WAIT_SECONDS + 5;
const REVOCATIONS = 5;
const MAX_HEARD_MS = 2_000;

interface Feed {
  readonly sequence: number;
}

/**
 * A thousand pollers of one server process: their cost while nothing happens, and the time from the start of a revocation in another process until
 * the last poller has it.
 */
export async function revocationPollers(folder: string): Promise<Section> {
  const tessera = await provisionSample(folder);
  const server = await tessera.start();
  const load = tessera.load([tessera.body(SAMPLE.tenant, SAMPLE.email)]);
  await untilAnswered(server, load);
  const crowd = new Crowd(new URL('/revocations', load.url));
  // Like the command line: the server has to notice the revocation by itself.
  const controlPlane = createControlPlane(
    loadConfig({ TESSERA_DATA_DIR: 'data' }, { cwd: folder }),
    new Log('silent', { write: () => undefined }),
  );
  try {
    const aloneMiB = server.residentMiB();
    const alone = await cpuShare(server, 5);
    crowd.gather(POLLERS);
    await delay(3_000);
    const quiet = await cpuShare(server, QUIET_SECONDS);
    const withMiB = server.residentMiB();
    const records = new RevocationRecords(controlPlane);
    const heardMs: number[] = [];
    for (let index = 0; index < REVOCATIONS; index++) {
      const startedAt = performance.now();
      const [record] = await records.add([
        revocationsOfTokenId(parseTenantId(SAMPLE.tenant)!, `bench-${index}`, Math.floor(Date.now() / 1000), false)[0],
      ]);
      heardMs.push((await crowd.allHeardOf(record!.seq)) - startedAt);
      await delay(1_300);
    }
    return report({ alone, quiet, aloneMiB, withMiB, heardMs, failures: crowd.failures });
  } finally {
    crowd.leave();
    await controlPlane.close();
    await server.end();
  }
}

/** Polls like the library, but verifies nothing. */
class Crowd {
  failures = 0;
  readonly #url: URL;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  readonly #sequences: number[] = [];
  #waiting: { readonly seq: number; readonly resolve: (atMs: number) => void } | undefined;
  #isLeaving = false;

  constructor(url: URL) {
    this.#url = url;
  }

  gather(size: number): void {
    for (let poller = 0; poller < size; poller++) {
      this.#sequences.push(0);
      void this.#poll(poller);
    }
  }

  /** Resolves when the last poller has that number. */
  allHeardOf(seq: number): Promise<number> {
    return new Promise((resolve) => {
      this.#waiting = { seq, resolve };
      this.#look();
    });
  }

  leave(): void {
    this.#isLeaving = true;
    this.#agent.destroy();
  }

  async #poll(poller: number): Promise<void> {
    while (!this.#isLeaving) {
      const url = `${this.#url.href}?after=${this.#sequences[poller] ?? 0}&wait=${WAIT_SECONDS}`;
      try {
        this.#sequences[poller] = (await this.#ask(url)).sequence;
        this.#look();
      } catch {
        if (this.#isLeaving) return;
        this.failures++;
        await delay(1_000);
      }
    }
  }

  #look(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#sequences.some((sequence) => sequence < waiting.seq)) return;
    this.#waiting = undefined;
    waiting.resolve(performance.now());
  }

  #ask(url: string): Promise<Feed> {
    return new Promise((resolve, reject) => {
      const request = get(url, { agent: this.#agent }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text) as Feed);
          else reject(new Error(`the feed answered ${response.statusCode ?? 0}`));
        });
      });
      request.on('error', reject);
    });
  }
}

/** The share of one core, over some seconds. */
async function cpuShare(server: PinnedProcess, seconds: number): Promise<number> {
  const [before, startedAt] = [server.cpuSeconds(), performance.now()];
  await delay(seconds * 1_000);
  return (server.cpuSeconds() - before) / ((performance.now() - startedAt) / 1_000);
}

function report(measured: {
  readonly alone: number;
  readonly quiet: number;
  readonly aloneMiB: number;
  readonly withMiB: number;
  readonly heardMs: readonly number[];
  readonly failures: number;
}): Section {
  const slowest = Math.max(...measured.heardMs);
  const percent = (share: number) => `${decimals(share * 100, 1)} %`;
  return {
    title: 'Pollers of the revocation feed',
    text: `${decimals(POLLERS, 0)} pollers of one server process, ${WAIT_SECONDS} s per long poll, and ${REVOCATIONS} revocations by another process: from the start of its transaction until the last poller had it.`,
    tables: [
      {
        head: ['measure', 'value', 'target', 'met'],
        rows: [
          [
            'delay until the last poller, at most',
            figure(measured.heardMs, 0, ' ms'),
            `≤ ${MAX_HEARD_MS} ms`,
            targetMark(slowest <= MAX_HEARD_MS),
          ],
          ['failed requests', String(measured.failures), '0', targetMark(measured.failures === 0)],
          ['CPU of one core without pollers', percent(measured.alone), '', ''],
          [`CPU of one core with them, over ${QUIET_SECONDS} quiet s`, percent(measured.quiet), '', ''],
          ['memory without pollers', `${measured.aloneMiB} MiB`, '', ''],
          ['memory with them', `${measured.withMiB} MiB`, '', ''],
        ],
      },
    ],
  };
}
