import BetterSqlite3 from 'better-sqlite3';
import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { SAMPLE } from '../sample/sample-request.ts';

/** What Tessera writes for each token at the least: a row that a crash of the process does not lose, and a line of the access log. */
export class BareRecord {
  readonly #insert: (count: number) => void;

  /** @param folder of the database */
  constructor(folder: string) {
    const database = new BetterSqlite3(join(folder, 'records.sqlite'));
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    database.exec(
      `CREATE TABLE records (id INTEGER PRIMARY KEY, at_ms INTEGER, request_id TEXT, route TEXT, source TEXT, outcome TEXT,
        tenant_id TEXT, project_id TEXT, client_id TEXT, subject_id TEXT, token_id TEXT, key_id TEXT, secret_id TEXT)`,
    );
    const row = database.prepare(
      `INSERT INTO records (at_ms, request_id, route, source, outcome, tenant_id, project_id, client_id, subject_id, token_id, key_id, secret_id)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    const { tenant, project, client, userId } = SAMPLE;
    const ids = [randomUUID(), randomUUID(), randomUUID()];
    this.#insert = database.transaction((count: number) => {
      for (let index = 0; index < count; index++)
        row.run(
          Date.now(),
          randomUUID(),
          'POST /auth/user/generateToken',
          '127.0.0.1',
          'issued',
          tenant,
          project,
          client,
          userId,
          ...ids,
        );
    });
  }

  /** For all tokens of one turn of the event loop: one commit and one write. */
  write(count: number): void {
    this.#insert(count);
    const line = `{"level":30,"time":${Date.now()},"event":"request","request_id":"${randomUUID()}","route":"POST /auth/user/generateToken","status":200,"tenant":"${SAMPLE.tenant}"}\n`;
    writeSync(1, line.repeat(count));
  }
}
