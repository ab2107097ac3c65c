import { readFileSync } from 'node:fs';
import { decodeJwt } from 'jose';
import {
  ATTACK_TABLE,
  type AttackMaterial,
  goodToken,
  oneCharacterEdits,
  REVOKED_ROOT,
  TOLERATED,
} from '../../../libs/token/test/attack-table.ts';
import { TENANTS_FILE } from '../../support/fixtures/tenants-file.ts';
import type { Answer } from '../../support/requests/answer.ts';
import { attackMaterial, issuedToken } from '../../support/requests/attack-material.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** verifyToken and introspection against the attack table. The attacker holds the tenants' real keys. */
let tessera: TestTesseraServer;
let material: AttackMaterial;
beforeAll(async () => {
  tessera = await startTessera();
  material = await attackMaterial(tessera);
});
afterAll(() => tessera.close());

const verifyToken = (token: unknown, surface = 'user') => tessera.post(`/auth/${surface}/verifyToken`, { token });
const introspect = (token: string) =>
  tessera.postForm('/tenants/acme/introspect', {
    token,
    client_id: 'shop/web',
    client_secret: tessera.secret('acme/shop/web'),
  });
const ENDPOINTS = { verifyToken, introspect };

/** The body of every 401 of verifyToken. */
const UNAUTHORIZED = {
  type: 'urn:tessera:error:unauthorized',
  title: 'Unauthorized',
  status: 401,
  detail: 'The caller could not be authenticated or is not entitled to this token.',
  error: 'unauthorized',
};

function expectNotValid(answer: Answer): void {
  expect(answer.refusal().status).toBe(401);
  expect(answer.body).toEqual({ ...UNAUTHORIZED, request_id: answer.requestId });
  expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="tessera"');
}

/** RFC 7662, section 2.2. */
function expectInactive(answer: Answer): void {
  expect([answer.status, answer.text]).toEqual([200, '{"active":false}']);
}

const EXPECT_REFUSED = { verifyToken: expectNotValid, introspect: expectInactive };

describe.each(Object.keys(ENDPOINTS) as (keyof typeof ENDPOINTS)[])('%s', (endpoint) => {
  const ask = ENDPOINTS[endpoint];

  it('accepts the issued token, with all its claims', async () => {
    const token = await issuedToken(tessera, 'user');
    const answer = await ask(token);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toMatchObject({ ...decodeJwt(token), active: true });
  });

  it.each(TOLERATED.map((row) => [row.name, row] as const))('accepts: %s', async (_name, row) => {
    expect((await ask(row.make(material))).body['active']).toBe(true);
  });

  const attacks = ATTACK_TABLE.filter((row) => row.only === undefined);
  it.each(attacks.map((row) => ({ target: row.target, name: row.name, row })))(
    'refuses: $target: $name',
    async ({ row }) => {
      const answer = await ask(row.make(material));
      // A body of this size is not read. An empty parameter of a form counts as absent.
      const refusedWith =
        row.name === '1 MB' ? 413 : endpoint === 'introspect' && row.name === 'nothing' ? 400 : undefined;
      if (refusedWith === undefined) EXPECT_REFUSED[endpoint](answer);
      else expect(answer.refusal().status).toBe(refusedWith);
    },
  );

  it('refuses every token that differs from a valid one in one character', async () => {
    const edits = [...oneCharacterEdits(goodToken(material))];
    expect(edits.length).toBeGreaterThan(3000);
    // Every thirteenth, starting with the first. The library's own tests cover all of them.
    const chosen = edits.filter((_edit, index) => index % 13 === 0);
    for (let start = 0; start < chosen.length; start += 50) {
      const answers = await Promise.all(chosen.slice(start, start + 50).map((token) => ask(token)));
      for (const answer of answers) EXPECT_REFUSED[endpoint](answer);
    }
  });
});

describe('a descendant of a revoked token', () => {
  const attacks = ATTACK_TABLE.filter((row) => row.only === 'where REVOKED_ROOT is revoked');

  it('is refused by both endpoints from then on', async () => {
    const descendants = attacks.map((row) => row.make(material));
    expect(descendants).not.toEqual([]);
    for (const ask of Object.values(ENDPOINTS))
      for (const token of descendants) expect((await ask(token)).body['active']).toBe(true);
    const root = goodToken({ ...material, claims: { ...material.claims, jti: REVOKED_ROOT } });
    // Entries for chains are written in tenants whose clients exchange tokens.
    await tessera.apply(
      TENANTS_FILE.replace(
        '- id: reader\n',
        '- id: reader\n            exchange: [{ to: next-api, scopes: subset }]\n',
      ),
    );
    await tessera.caughtUp();
    const revocation = await tessera.postForm('/tenants/acme/revoke', {
      token: root,
      client_id: 'shop/web',
      client_secret: tessera.secret('acme/shop/web'),
    });
    expect(revocation.status).toBe(200);
    await tessera.caughtUp();
    for (const token of [root, ...descendants]) {
      expectNotValid(await verifyToken(token));
      expectInactive(await introspect(token));
    }
    expect((await verifyToken(goodToken(material))).body['active']).toBe(true);
  });
});

describe('verifyToken', () => {
  it('refuses a token of the other surface, both ways', async () => {
    expectNotValid(await verifyToken(await issuedToken(tessera, 'admin')));
    expectNotValid(await verifyToken(await issuedToken(tessera, 'user'), 'admin'));
    expect((await verifyToken(await issuedToken(tessera, 'admin'), 'admin')).body).toMatchObject({ active: true });
  });

  it('gives a valid token the members of its claims under both names', async () => {
    const token = await issuedToken(tessera, 'user');
    const { iat, exp, scope } = decodeJwt<{ scope: string }>(token);
    expect((await verifyToken(token)).body).toEqual({
      ...decodeJwt(token),
      active: true,
      valid: true,
      issued_at: iat,
      expires_at: exp,
      scopes: scope.split(' '),
      token_type: 'Bearer',
    });
  });

  it.each([
    [{}, 'token is missing.'],
    [{ token: null }, 'token must be a string.'],
    [{ token: ['a'] }, 'token must be a string.'],
    [{ token: 'a', surface: 'admin' }, 'The body has a member that is not token.'],
    [[], 'The body must be a JSON object.'],
    ['a', 'The body must be a JSON object.'],
  ])('rejects the body %j', async (body, detail) => {
    const answer = await tessera.post('/auth/user/verifyToken', body);
    expect(answer.refusal()).toMatchObject({ status: 400, error: 'invalid_request' });
    expect(answer.body['detail']).toBe(detail);
  });

  it('writes the reason to the log, and never the token', async () => {
    const token = `${(await issuedToken(tessera, 'user')).slice(0, -8)}AAAAAAAA`;
    const { requestId } = await verifyToken(token);
    const line = tessera
      .log()
      .split('\n')
      .find((text) => text.includes(requestId) && text.includes('"event":"request"'));
    expect(line).toContain('bearer: ');
    expect(tessera.log()).not.toContain(token.slice(0, 200));
  });
});

describe('health', () => {
  it.each(['admin', 'user'])('of the %s surface names the service and its version', async (surface) => {
    const answer = await tessera.get(`/auth/${surface}/health`);
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect([answer.status, answer.body]).toEqual([200, { status: 'healthy', service: 'tessera', version }]);
  });
});
