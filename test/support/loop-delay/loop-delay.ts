import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { REPOSITORY } from '../servers/required-servers.ts';

const SAMPLER = join(REPOSITORY, 'test/support/loop-delay/sampler.mjs');

/** A turn of the event loop of over 3 ms. */
export interface LongTurn {
  /** Epoch milliseconds. */
  readonly at: number;
  /** By the clock. */
  readonly ms: number;
  /** How long the main thread ran, without collections of garbage. */
  readonly workMs: number;
  /** Read and written by the main thread. */
  readonly bytes: number;
  /** Of collections of garbage within it. */
  readonly garbageMs: number;
}

export interface LoopDelay {
  /** How often the loop was sampled. */
  readonly samples: number;
  readonly turns: readonly LongTurn[];
  /** Of major collections, each. */
  readonly majorCollectionsMs: readonly number[];
}

/** The environment of a server whose event loop is sampled. What it does every 10 s or less often, it does every `periodMs`. */
export function sampledEnvironment(file: string, periodMs: number): Record<string, string> {
  return {
    NODE_OPTIONS: `--import=${pathToFileURL(SAMPLER).href}`,
    LOOP_DELAY_FILE: file,
    LOOP_DELAY_PERIOD_MS: String(periodMs),
  };
}

interface Sampled {
  readonly origin: number;
  readonly samples: number;
  readonly turns: readonly {
    readonly at: number;
    readonly ms: number;
    readonly ranMs: number;
    readonly bytes: number;
  }[];
  readonly collections: readonly { readonly at: number; readonly ms: number; readonly isMajor: boolean }[];
}

/** What the sampler has written. The server must have exited. */
export function readLoopDelay(file: string): LoopDelay {
  const { origin, samples, turns, collections } = JSON.parse(readFileSync(file, 'utf8')) as Sampled;
  return {
    samples,
    turns: turns.map(({ at, ms, ranMs, bytes }) => {
      const garbageMs = collections
        .filter((collection) => collection.at < at + ms + 1 && collection.at + collection.ms > at)
        .reduce((sum, collection) => sum + collection.ms, 0);
      return { at: origin + at, ms, workMs: Math.max(0, ranMs - garbageMs), bytes, garbageMs };
    }),
    majorCollectionsMs: collections.filter(({ isMajor }) => isMajor).map(({ ms }) => ms),
  };
}
