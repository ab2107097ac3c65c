import { statSync } from 'node:fs';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.ts';
import { CheckpointThread } from '../database/sqlite/checkpoint-thread.ts';
import { AUTOCHECKPOINT_PAGES } from '../database/sqlite/sqlite-data-source.ts';
import { Log } from '../logging/log.ts';
import { within } from '../runtime/deadline.ts';
import { controlDatabaseFile } from './control-database.ts';
import { ControlPlane } from './control-plane.ts';

/** A quarter of the log at which the main connection makes a checkpoint. A server that writes little needs no thread, which takes 7 MB of memory. */
const STARTS_AT_BYTES = 4 * 1024 * 1024;
const LOOK_MS = 250;
/** 64 MB of log. The main connection makes a checkpoint itself if the thread has not made one by then. */
const PAGES_WITH_THREAD = 16_000;
const CLOSE_WITHIN_MS = 1000;

/** The checkpoints of the control database on SQLite, which every token writes to. Without the thread, the main connection makes them, as in a command. */
@Injectable()
export class ControlCheckpoints implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #controlPlane: ControlPlane;
  readonly #config: Config;
  readonly #log: Log;
  #thread: CheckpointThread | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(controlPlane: ControlPlane, @Inject(CONFIG) config: Config, log: Log) {
    this.#controlPlane = controlPlane;
    this.#config = config;
    this.#log = log;
  }

  onApplicationBootstrap(): void {
    if (this.#config.controlDatabase.driver !== 'sqlite') return;
    const file = controlDatabaseFile(this.#config);
    this.#timer = setInterval(() => {
      const log = statSync(`${file}-wal`, { throwIfNoEntry: false });
      if (log !== undefined && log.size >= STARTS_AT_BYTES) this.#start(file);
    }, LOOK_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#thread !== undefined) await within(CLOSE_WITHIN_MS, this.#thread.close(), () => undefined);
  }

  #start(file: string): void {
    clearInterval(this.#timer);
    this.#thread = new CheckpointThread(file, {
      started: () => {
        this.#leave(PAGES_WITH_THREAD);
      },
      failed: (reason) => {
        this.#thread = undefined;
        this.#leave(AUTOCHECKPOINT_PAGES);
        this.#log.warn('checkpoint_thread_failed', {
          reason,
          effect: 'checkpoints of the embedded control database delay requests until the next start',
        });
      },
    });
  }

  /** Sets how many pages of log the main connection leaves to others. */
  #leave(pages: number): void {
    // It fails only if the database is closed.
    this.#controlPlane.query(`PRAGMA wal_autocheckpoint = ${pages}`).catch(() => undefined);
  }
}
