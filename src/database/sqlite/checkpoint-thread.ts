import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

/**
 * How many pages the write-ahead log gets, 16 MB, before they are moved into the database. Pages that are written again and again, as those at the end
 * of the audit, are moved once.
 */
const CHECKPOINT_PAGES = 4000;
const LOOK_MS = 100;
/** How long RESTART waits for the lock of a writer, or for a reader. Meanwhile it may hold up writers, so it rather tries again later. */
const BUSY_MS = 10;
const MEMORY = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 };

/**
 * The thread has no modules of this program, so that it is small and starts in 30 ms.
 *
 * A passive checkpoint moves pages while others write. Each has less to move than the one before, and under full load 2 to 4 reach the end of the log. Then
 * the next writer begins the log anew, in the same file. If writers are faster until the log is twice as large, RESTART keeps them out for a moment.
 * TRUNCATE would do so for 10 ms, in which the file system frees the log. A reader of old pages stops each kind, which two passes show; then nobody is
 * kept out for it.
 *
 * What fails, for example on a full disk, is tried again: writers report it.
 */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const { library, file, busyMs, pages, lookMs } = workerData;
process.on('uncaughtException', ({ code }) => {
  parentPort.postMessage({ failed: code });
  process.exit(1);
});
const Database = require(library);
const database = new Database(file, { fileMustExist: true, timeout: busyMs });
database.pragma('synchronous = NORMAL');
database.pragma('wal_autocheckpoint = 0');
const checkpoint = (mode) => database.pragma('wal_checkpoint(' + mode + ')')[0];
function moveLog() {
  let { log, checkpointed } = checkpoint('NOOP');
  for (let pass = 0; log >= pages && checkpointed < log; pass += 1) {
    const before = checkpointed;
    checkpoint(pass > 1 && log >= 2 * pages ? 'RESTART' : 'PASSIVE');
    ({ log, checkpointed } = checkpoint('NOOP'));
    if (checkpointed === before) return;
  }
}
const timer = setInterval(() => {
  try {
    moveLog();
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
  readonly checkpointPages?: number;
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
    { checkpointPages = CHECKPOINT_PAGES }: CheckpointOptions = {},
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
        pages: checkpointPages,
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
