import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { type ServerProcess, startServer } from '../../support/tessera/server-process.ts';
import { ACME, tenantsFile } from '../cli/files.ts';
import { TestInstallation } from '../cli/installation.ts';
import { askForToken } from '../../support/requests/generate-token.ts';

/** A disk of a few megabytes. Only root may mount one, and not in every container. Without it the tests are skipped. */
const folder = mkdtempSync(join(tmpdir(), 'tessera-disk-'));
const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m,mode=700', 'tessera-test', folder]).status === 0;
afterAll(() => {
  if (isMounted) execFileSync('umount', ['--lazy', folder]);
  rmSync(folder, { recursive: true, force: true });
});

const onSmallDisk = isMounted ? it : it.skip;

onSmallDisk(
  'a full disk causes no wrong token and no loss of acknowledged data, and ends when there is space again',
  async () => {
    const data = join(folder, 'data');
    const installation = await TestInstallation.make({ TESSERA_DATA_DIR: data });
    const { secrets } = await installation.applied(tenantsFile(ACME));
    const server = await startServer({ TESSERA_DATA_DIR: data, LOG_LEVEL: 'debug' }, installation.folder);
    try {
      const ask = () => mint(server, secrets[0]!.secret_id);
      const acknowledged: string[] = [(await ask()).tokenId!];
      fillUp();
      // For a while, the write-ahead log of the control database still has free pages.
      await eventually('the disk is full for the audit too', async () => {
        const { status, tokenId, retryAfter } = await ask();
        if (tokenId !== undefined) acknowledged.push(tokenId);
        expect([200, 503]).toContain(status);
        if (status === 503) expect(retryAfter).toMatch(/^[1-9]\d*$/);
        return status === 503;
      });
      for (const command of [
        ['secrets', 'add', 'acme/shop/web'],
        ['keys', 'rotate', 'acme'],
      ]) {
        const result = await installation.run(command);
        expect(`${command.join(' ')}: ${result.code}`).toBe(`${command.join(' ')}: 1`);
        expect(result.stderr).toMatch(/space|full/i);
      }
      expect((await fetch(`${server.url}/tenants/acme/jwks.json`)).status).toBe(200);
      await eventually('it is not ready', async () => (await down(server)).includes('audit'), 3000);

      makeRoom();
      await eventually('it is ready again', async () => (await down(server)).length === 0, 5000);
      await eventually('tokens are made again', async () => (await ask()).status === 200, 5000);
      expect((await installation.run(['keys', 'rotate', 'acme'])).code).toBe(0);
      expect((await installation.run(['secrets', 'add', 'acme/shop/web'])).code).toBe(0);

      const database = new Database(join(data, 'control.sqlite'), { readonly: true });
      const rows = database.prepare(`SELECT token_id FROM audit_records WHERE outcome = 'issued'`).all();
      expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
      database.close();
      const audited = new Set(rows.map((row) => (row as { token_id: string }).token_id));
      expect(acknowledged.filter((id) => !audited.has(id))).toEqual([]);
    } finally {
      expect(await server.end()).toBe(0);
      await installation.remove();
    }
  },
);

/** Verified by another library, from the public keys only. */
async function mint(server: ServerProcess, secret: string) {
  const answer = await askForToken(server.url, secret);
  const token = ((await answer.json()) as { access_token?: string }).access_token;
  if (token !== undefined) {
    const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(`${server.url}/tenants/acme/jwks.json`)));
    expect(payload).toMatchObject({ sub: 'u-ada', scope: 'orders:read', roles: ['reader'] });
  }
  return {
    status: answer.status,
    retryAfter: answer.headers.get('retry-after'),
    tokenId: token === undefined ? undefined : decodeJwt(token).jti,
  };
}

/** The member `down` of `/readyz`. */
async function down(server: ServerProcess): Promise<readonly string[]> {
  const answer = (await (await fetch(`${server.url}/readyz`)).json()) as { down?: readonly string[] };
  return answer.down ?? [];
}

function fillUp(): void {
  mkdirSync(join(folder, 'filler'), { recursive: true });
  for (let index = 0; ; index += 1) {
    try {
      writeFileSync(join(folder, 'filler', String(index)), Buffer.alloc(64 * 1024));
    } catch {
      break;
    }
  }
  expect(statfsSync(folder).bfree).toBe(0);
}

function makeRoom(): void {
  rmSync(join(folder, 'filler'), { recursive: true });
}
