import Database from 'better-sqlite3';
import { decodeJwt } from 'jose';
import { codeBlocks, readPage } from '../../support/fixtures/markdown.ts';
import { TENANTS_FILE } from '../../support/fixtures/tenants-file.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';

/** Changes take effect in the next token: at once after `apply`, within the maximum age after a change by hand. */
let tessera: TestTesseraServer;
beforeEach(async () => {
  tessera = await startTessera();
});
afterEach(() => tessera.close());

function ask(email = 'ada@acme.example', client = 'anything', secret = tessera.secret(`acme/shop/${client}`)) {
  return tessera.post('/auth/user/generateToken', {
    tenant_id: 'acme',
    project_id: 'shop',
    client_id: client,
    email_id: email,
    secret_id: secret,
  });
}

async function rolesOf(email?: string): Promise<unknown> {
  return decodeJwt((await ask(email)).body['access_token'] as string)['roles'];
}

function byHand(sql: string): void {
  const database = new Database(`${tessera.config.dataDirectory}/tenants/acme.sqlite`);
  database.exec(sql);
  database.close();
}

describe('a change by apply', () => {
  it('of a user’s roles is in the next token', async () => {
    expect(await rolesOf()).toEqual(['keeper', 'manager']);
    await tessera.apply(replaceOnce(TENANTS_FILE, 'roles: [keeper], groups: [sales]', 'roles: [], groups: [sales]'));
    expect(await rolesOf()).toEqual(['manager']);
  });

  it('of a tenant to suspended refuses the next request', async () => {
    expect((await ask()).status).toBe(200);
    await tessera.apply(
      replaceOnce(TENANTS_FILE, 'name: Acme Ltd\n    status: active', 'name: Acme Ltd\n    status: suspended'),
    );
    const answer = await ask();
    expect(answer.refusal().status).toBe(401);
    expect(await tessera.auditReason(answer.requestId)).toBe('the tenant is suspended');
  });

  it('of a client’s bound is in the next token', async () => {
    await ask();
    await tessera.apply(
      replaceOnce(
        TENANTS_FILE,
        '- id: anything\n            surfaces: [admin, user]\n            scopes: unbounded',
        '- id: anything\n            surfaces: [admin, user]\n            scopes: ["stock:read"]',
      ),
    );
    expect(decodeJwt((await ask()).body['access_token'] as string)).toMatchObject({
      scope: 'stock:read',
      resources: ['stock'],
    });
  });
});

describe('a tenant that was removed, destroyed and made again under its id', () => {
  it('is the new one, with its own users, on a server that had the old one open', async () => {
    expect(await rolesOf()).toEqual(['keeper', 'manager']);
    const others = TENANTS_FILE.slice(TENANTS_FILE.indexOf('  - id: globex'));
    await tessera.apply(`apiVersion: tessera/v1\ntenants:\n${others}`, ['--prune-tenants', '--yes']);
    expect((await ask()).refusal()).toMatchObject({ status: 404 });
    await tessera.cli(['purge', '--yes']);
    await tessera.apply(
      replaceOnce(TENANTS_FILE, 'id: u-ada, email: Ada@acme.example', 'id: u-dora, email: dora@acme.example'),
    );
    expect((await ask('ada@acme.example')).refusal()).toMatchObject({ status: 401 });
    // The removal revoked all tokens of the tenant. New ones are issued when the time in `before` has passed.
    tessera.clock.jumpAheadOfSystem(3);
    expect(await rolesOf('dora@acme.example')).toEqual(['keeper', 'manager']);
  });
});

describe('a change by hand in the tenant’s database', () => {
  it('is in the next token when the maximum age of the grants has passed, and not before', async () => {
    expect(await rolesOf()).toEqual(['keeper', 'manager']);
    byHand(`DELETE FROM tessera_user_roles WHERE user_id = 'u-ada'`);
    tessera.clock.advanceSeconds(tessera.config.caches.grantsSeconds - 1);
    expect(await rolesOf()).toEqual(['keeper', 'manager']);
    tessera.clock.advanceSeconds(1);
    expect(await rolesOf()).toEqual(['manager']);
  });

  it('that disables a user refuses the next request after that age', async () => {
    expect((await ask()).status).toBe(200);
    byHand(`UPDATE tessera_users SET status = 'disabled' WHERE id = 'u-ada'`);
    tessera.clock.advanceSeconds(tessera.config.caches.grantsSeconds);
    expect((await ask()).refusal().status).toBe(401);
  });
});

describe('a change by hand as docs/directory.md describes it', () => {
  const inserts = codeBlocks(readPage('docs/directory.md'))
    .map(({ code }) => code)
    .filter((code) => code.startsWith('INSERT INTO'))
    .join('\n');

  it('adds a user who gets tokens', async () => {
    byHand(inserts.replace("'viewer'", "'keeper'"));
    expect(await rolesOf('IVY@acme.example')).toEqual(['keeper']);
  });

  it.each([
    ["'client:u-ivy'", 'the id of the subject is not one that a subject may have'],
    ["'ivy@acme'", 'the id of the subject is not one that a subject may have'],
    ["'a-root'", 'the user has the id of an administrator'],
  ])('gives none to a user with the id %s', async (id, reason) => {
    byHand(inserts.replaceAll("'u-ivy'", id).replace("'viewer'", "'keeper'"));
    const answer = await ask('ivy@acme.example');
    expect(answer.refusal().status).toBe(401);
    expect(await tessera.auditReason(answer.requestId)).toBe(reason);
  });

  it.each(['a admin:all', '', ' x ', 'a"b', 'ä'])('gives no token with a scope named "%s"', async (name) => {
    byHand(`INSERT INTO tessera_scopes (name) VALUES ('${name}')`);
    byHand(`INSERT INTO tessera_role_scopes (role_name, scope_name) VALUES ('keeper', '${name}')`);
    byHand(`INSERT OR IGNORE INTO tessera_user_roles (user_id, role_name) VALUES ('u-ada', 'keeper')`);
    tessera.clock.advanceSeconds(tessera.config.caches.grantsSeconds);
    const answer = await ask();
    expect(answer.refusal().status).toBe(503);
    expect(await tessera.auditReason(answer.requestId)).toBe('tenant database: holds a scope that is malformed');
    byHand(`DELETE FROM tessera_scopes WHERE name = '${name}'`);
    tessera.clock.advanceSeconds(tessera.config.caches.grantsSeconds);
    expect((await ask()).status).toBe(200);
  });

  it('gives an administrator tokens whose id a user took', async () => {
    byHand(inserts.replaceAll("'u-ivy'", "'a-root'").replace("'viewer'", "'keeper'"));
    const asAdministrator = await tessera.post('/auth/admin/generateToken', {
      tenant_id: 'acme',
      project_id: 'shop',
      client_id: 'anything',
      email_id: 'root@acme.example',
      secret_id: tessera.secret('acme/shop/anything'),
    });
    expect(asAdministrator.status).toBe(200);
  });
});

describe('client secrets', () => {
  it('two live ones overlap; a retired one is refused at once', async () => {
    const first = tessera.secret('acme/shop/anything');
    const second = await tessera.addSecret('acme/shop/anything');
    expect((await ask('ada@acme.example', 'anything', first)).status).toBe(200);
    expect((await ask('ada@acme.example', 'anything', second)).status).toBe(200);
    await tessera.cli(['secrets', 'retire', 'acme/shop/anything', await tessera.secretId('acme/shop/anything', 0)]);
    await tessera.caughtUp();
    expect((await ask('ada@acme.example', 'anything', first)).refusal().status).toBe(401);
    expect((await ask('ada@acme.example', 'anything', second)).status).toBe(200);
  });

  it('one with an expiry is accepted before it and refused after it, without any notification', async () => {
    const short = await tessera.addSecret('acme/shop/anything', ['--expires-in', '60s']);
    tessera.clock.advanceSeconds(55);
    expect((await ask('ada@acme.example', 'anything', short)).status).toBe(200);
    tessera.clock.advanceSeconds(10);
    expect((await ask('ada@acme.example', 'anything', short)).refusal().status).toBe(401);
  });
});
