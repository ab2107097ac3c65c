import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

/**
 * How large the write-ahead log becomes before its pages are moved into the database. Pages that are written again and again, as those at the end of
 * the audit, are moved once.
 */
const CHECKPOINT_BYTES = 16 * 1024 * 1024;
const LOOK_MS = 100;
/** How long the end of a checkpoint waits for the lock of a writer, or for a reader. Meanwhile it may hold up writers, so it rather tries again later. */
const BUSY_MS = 10;
const MEMORY = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 };

/**
 * The thread has no modules of this program, so that it is small and starts in 30 ms.
 *
 * A passive checkpoint moves pages while others write. It cannot end the log, because they append to it, so TRUNCATE follows: it has little left to move,
 * and keeps writers out only for this. That the log became shorter shows that there is nothing to do, without reading it.
 *
 * What fails, for example on a full disk, is tried again: writers report it.
 */
const PROGRAM = `
const { statSync } = require('node:fs');
const { parentPort, workerData } = require('node:worker_threads');
const { library, file, busyMs, bytes, lookMs } = workerData;
process.on('uncaughtException', ({ code }) => {
  parentPort.postMessage({ failed: code });
  process.exit(1);
});
const Database = require(library);
const database = new Database(file, { fileMustExist: true, timeout: busyMs });
database.pragma('synchronous = NORMAL');
database.pragma('wal_autocheckpoint = 0');
const timer = setInterval(() => {
  const log = statSync(file + '-wal', { throwIfNoEntry: false });
  if (log === undefined || log.size < bytes) return;
  try {
    database.pragma('wal_checkpoint(PASSIVE)');
    database.pragma('wal_checkpoint(TRUNCATE)');
  } catch {}
}, lookMs);
parentPort.on('message', () => {
  clearInterval(timer);
  database.close();
  parentPort.close();
});
parentPort.postMessage({ started: true });
`;

interface Message {
  readonly started?: true;
  readonly failed?: unknown;
}

const CODE = /^[A-Z0-9_]{1,40}$/;

export interface CheckpointListener {
  started(): void;
  /**
   * It has ended without being asked to.
   *
   * @param reason the code of an error of SQLite or of the file system, or a fixed phrase
   */
  failed(reason: string): void;
}

export interface CheckpointOptions {
  readonly checkpointBytes?: number;
}

/**
 * Makes the checkpoints of one SQLite file in a thread with its own connection. A checkpoint waits for the disk, and in the main thread every request
 * would wait with it.
 */
export class CheckpointThread {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #isClosing = false;

  constructor(
    file: string,
    listener: CheckpointListener,
    { checkpointBytes = CHECKPOINT_BYTES }: CheckpointOptions = {},
  ) {
    this.#worker = new Worker(PROGRAM, {
      eval: true,
      // Not those of this process, which may load development tools.
      execArgv: [],
      resourceLimits: MEMORY,
      workerData: {
        library: createRequire(import.meta.url).resolve('better-sqlite3'),
        file,
        busyMs: BUSY_MS,
        bytes: checkpointBytes,
        lookMs: LOOK_MS,
      },
    });
    this.#worker.unref();
    let reason = 'it ended';
    this.#worker.on('message', ({ started, failed }: Message) => {
      if (started === true) listener.started();
      if (typeof failed === 'string' && CODE.test(failed)) reason = failed;
    });
    this.#worker.once('error', () => (reason = 'it could not run'));
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        resolve();
        if (!this.#isClosing) listener.failed(reason);
      });
    });
  }

  /** Resolves when its connection is closed. */
  close(): Promise<void> {
    this.#isClosing = true;
    this.#worker.postMessage('close');
    return this.#ended;
  }
}
