import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.ts';
import { CheckpointThread } from '../database/sqlite/checkpoint-thread.ts';
import { AUTOCHECKPOINT_PAGES } from '../database/sqlite/sqlite-data-source.ts';
import { Log } from '../logging/log.ts';
import { within } from '../runtime/deadline.ts';
import { controlDatabaseFile } from './control-database.ts';
import { ControlPlane } from './control-plane.ts';

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

  constructor(controlPlane: ControlPlane, @Inject(CONFIG) config: Config, log: Log) {
    this.#controlPlane = controlPlane;
    this.#config = config;
    this.#log = log;
  }

  onApplicationBootstrap(): void {
    // Not while the database is not open: the thread would need its file.
    if (this.#controlPlane.kind !== 'sqlite') return;
    this.#thread = new CheckpointThread(controlDatabaseFile(this.#config), {
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

  async onModuleDestroy(): Promise<void> {
    if (this.#thread !== undefined) await within(CLOSE_WITHIN_MS, this.#thread.close(), () => undefined);
  }

  /** Sets how many pages of log the main connection leaves to others. */
  #leave(pages: number): void {
    // It fails only if the database is closed.
    this.#controlPlane.query(`PRAGMA wal_autocheckpoint = ${pages}`).catch(() => undefined);
  }
}
