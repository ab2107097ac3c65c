import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { loadConfig } from '../src/config/load-config.ts';
import { Log } from '../src/logging/log.ts';
import { revocationOfTokenId } from '../src/revocation/new-revocations.ts';
import { createControlPlane } from '../src/control-plane/control-plane.ts';
import { RevocationRecords } from '../src/revocation/revocation-records.ts';
import { parseTenantId } from '../src/domain/ids.ts';
import type { PinnedProcess } from './pinned-process.ts';
import { type Section, decimals, targetMark } from './report.ts';
import { SAMPLE } from './sample-request.ts';
import { provisionSample } from './sample-tenant.ts';
import { untilAnswered } from './load.ts';

const FOLLOWERS = 1_000;
/** What @tessera/token waits by default. */
const WAIT_SECONDS = 15;
/** Longer than one wait, so that each follower has been answered and asked again. */
const QUIET_SECONDS = WAIT_SECONDS + 5;
const REVOCATIONS = 5;
const MAX_HEARD_MS = 2_000;

interface Feed {
  readonly sequence: number;
}

/**
 * A thousand followers of one server process: what they cost while nothing happens, and how long after a revocation was begun by another process the
 * last of them has heard of it.
 */
export async function revocationFollowers(folder: string): Promise<Section> {
  const tessera = await provisionSample(folder);
  const server = await tessera.start();
  const load = tessera.load([tessera.body(SAMPLE.tenant, SAMPLE.email)]);
  await untilAnswered(server, load);
  const crowd = new Crowd(new URL('/revocations', load.url));
  // As the command line does: the server has to find out by itself.
  const controlPlane = createControlPlane(
    loadConfig({ TESSERA_DATA_DIR: 'data' }, { cwd: folder }),
    new Log('silent', { write: () => undefined }),
  );
  try {
    const aloneMiB = server.residentMiB();
    const alone = await cpuShare(server, 5);
    crowd.gather(FOLLOWERS);
    await delay(3_000);
    const quiet = await cpuShare(server, QUIET_SECONDS);
    const withMiB = server.residentMiB();
    const records = new RevocationRecords(controlPlane);
    const heardMs: number[] = [];
    for (let index = 0; index < REVOCATIONS; index++) {
      const startedAt = performance.now();
      const [record] = await records.add([
        revocationOfTokenId(parseTenantId(SAMPLE.tenant)!, `bench-${index}`, Math.floor(Date.now() / 1000)),
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

/** Follows as the library does, without verifying anything. */
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
    for (let follower = 0; follower < size; follower++) {
      this.#sequences.push(0);
      void this.#follow(follower);
    }
  }

  /** When the last of them knows that number. */
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

  async #follow(follower: number): Promise<void> {
    while (!this.#isLeaving) {
      const url = `${this.#url.href}?after=${this.#sequences[follower] ?? 0}&wait=${WAIT_SECONDS}`;
      try {
        this.#sequences[follower] = (await this.#ask(url)).sequence;
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

/** Of one core, over some seconds. */
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
    title: 'Followers of the feed of revocations',
    text: `${decimals(FOLLOWERS, 0)} followers of one server process, ${WAIT_SECONDS} s a long poll, and ${REVOCATIONS} revocations by another process: from the begin of its transaction until the last follower had it.`,
    tables: [
      {
        head: ['measure', 'value', 'target', 'met'],
        rows: [
          [
            'the last follower heard after, slowest',
            `${decimals(slowest, 0)} ms`,
            `≤ ${MAX_HEARD_MS} ms`,
            targetMark(slowest <= MAX_HEARD_MS),
          ],
          ['failed requests', String(measured.failures), '0', targetMark(measured.failures === 0)],
          ['CPU of one core without followers', percent(measured.alone), '', ''],
          [`CPU of one core with them, over ${QUIET_SECONDS} quiet s`, percent(measured.quiet), '', ''],
          ['memory without followers', `${measured.aloneMiB} MiB`, '', ''],
          ['memory with them', `${measured.withMiB} MiB`, '', ''],
        ],
      },
    ],
  };
}
