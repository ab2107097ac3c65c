import Database from 'better-sqlite3';
import { decodeJwt } from 'jose';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { logSequence } from '../../../src/testing/sqlite-log.ts';
import { askForToken } from '../../support/requests/generate-token.ts';
import { type ServerProcess, startServer } from '../../support/tessera/server-process.ts';
import { ACME, tenantsFile } from '../cli/files.ts';
import { TestInstallation } from '../cli/installation.ts';

const CALLERS = 8;
/** From this size on, a thread of the server makes the checkpoints; it makes one at four times as much. */
const THREAD_FROM_BYTES = 4 * 1024 * 1024;

let installation: TestInstallation;
let secret: string;
beforeAll(async () => {
  installation = await TestInstallation.make();
  const { secrets } = await installation.applied(tenantsFile(ACME));
  secret = secrets.find(({ client_id }) => client_id === 'web')!.secret_id;
});
afterAll(() => installation.remove());

const controlFile = () => join(installation.dataDirectory, 'control.sqlite');
const logBytes = () => statSync(`${controlFile()}-wal`, { throwIfNoEntry: false })?.size ?? 0;

/** Callers without a pause, until the server is gone. */
function startLoad(server: ServerProcess) {
  const received: string[] = [];
  const caller = async (): Promise<void> => {
    for (;;) {
      const answer = await askForToken(server.url, secret);
      expect(answer.status).toBe(200);
      const { access_token: token } = (await answer.json()) as { access_token: string };
      received.push(decodeJwt(token).jti!);
    }
  };
  const ended = Promise.allSettled(Array.from({ length: CALLERS }, caller));
  return { received, ended };
}

async function minted(): Promise<readonly string[]> {
  const server = await startServer({ TESSERA_DATA_DIR: installation.dataDirectory }, installation.folder);
  const { received, ended } = startLoad(server);
  try {
    // Once the thread has ended a log, it is between two checkpoints or in one: the server is killed at any point of that.
    await eventually('the thread is at work', () => logBytes() > THREAD_FROM_BYTES);
    const sequence = logSequence(controlFile());
    await eventually('it has ended a log', () => logSequence(controlFile()) > sequence);
    const before = received.length;
    await eventually('tokens are made', () => received.length > before + Math.random() * 1_000);
  } finally {
    await server.end('SIGKILL');
    await ended;
  }
  return received;
}

it('kill -9 of a server on the embedded stores loses no record of a token, wherever its thread of checkpoints is', async () => {
  for (let round = 0; round < 2; round += 1) {
    const received = await minted();
    const database = new Database(controlFile());
    try {
      expect(database.pragma('integrity_check')).toEqual([{ integrity_check: 'ok' }]);
      const rows = database.prepare("SELECT token_id FROM audit_records WHERE outcome = 'issued'").pluck().all();
      const audited = new Set(rows);
      expect(received.length).toBeGreaterThan(CALLERS);
      expect(received.filter((id) => !audited.has(id))).toEqual([]);
    } finally {
      database.close();
    }
  }
});
