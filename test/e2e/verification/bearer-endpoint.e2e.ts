import {
  ATTACK_TABLE,
  type AttackMaterial,
  GOOD_WHEN_TRIMMED,
  goodToken,
} from '../../../libs/token/test/attack-table.ts';
import { attackMaterial, issuedToken, storedKeysOf } from '../../support/requests/attack-material.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { askWithBearer, statusOfRefusal } from '../../support/requests/bearer-request.ts';
import { sendRaw } from '../../support/requests/raw-http.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** The attack table as the bearer of a route. The attacker holds the tenants' real keys. */
let tessera: TestTesseraServer;
let material: AttackMaterial;
beforeAll(async () => {
  tessera = await startTessera();
  material = await attackMaterial(tessera);
});
afterAll(() => tessera.close());

const tokenOf = (surface: 'admin' | 'user') => issuedToken(tessera, surface);
const profile = (token: string, surface = 'user') =>
  tessera.get(`/auth/${surface}/profile`, { authorization: `Bearer ${token}` });

it('accepts an issued token, and returns its content', async () => {
  const answer = await profile(await tokenOf('user'));
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({
    client_id: 'web',
    email_id: 'Ada@acme.example',
    groups: ['sales'],
    project_id: 'shop',
    resources: ['orders'],
    roles: ['keeper', 'manager'],
    scopes: ['orders:read', 'orders:write'],
    tenant_id: 'acme',
    token_type: 'Bearer',
  });
});

it('accepts the token that every attack starts from', async () => {
  expect((await profile(goodToken(material))).status).toBe(200);
});

describe('rejects', () => {
  it.each(
    ATTACK_TABLE.filter((row) => row.only === undefined).map((row) => ({ target: row.target, name: row.name, row })),
  )('$target: $name', async ({ row }) => {
    const token = row.make(material);
    const answer = await askWithBearer(tessera.url, { method: 'GET', path: '/auth/user/profile', bearer: token });
    // White space at a field's end is not part of its value (RFC 9110, section 5.5), so the good token arrives there.
    if (GOOD_WHEN_TRIMMED.includes(row.name)) {
      expect(answer.status).toBe(200);
      return;
    }
    expect(answer.status).toBe(statusOfRefusal(token));
    if (answer.status !== 401) return;
    expect(answer.refusal()).toMatchObject({ status: 401, error: 'unauthorized' });
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
  });

  it('a token of the other surface, both ways', async () => {
    expect((await profile(await tokenOf('admin'))).refusal().status).toBe(401);
    expect((await profile(await tokenOf('user'), 'admin')).refusal().status).toBe(401);
    expect((await profile(await tokenOf('admin'), 'admin')).status).toBe(200);
  });

  it('an expired token, after the allowed skew', async () => {
    const token = await tokenOf('user');
    const life = 600;
    tessera.clock.advanceSeconds(life + 10);
    expect((await profile(token)).status).toBe(200);
    tessera.clock.advanceSeconds(51);
    expect((await profile(token)).refusal().status).toBe(401);
  });

  it.each([
    ['no header', undefined],
    ['another scheme', (token: string) => `Basic ${token}`],
    ['two tokens', (token: string) => `Bearer ${token} ${token}`],
    ['two headers in one', (token: string) => `Bearer ${token}, Bearer ${token}`],
    ['the token alone', (token: string) => token],
    ['a tab for the space', (token: string) => `Bearer\t${token}`],
  ])('%s', async (_name, header) => {
    const token = await tokenOf('user');
    const answer = await tessera.get(
      '/auth/user/profile',
      header === undefined ? {} : { authorization: header(token) },
    );
    expect(answer.refusal().status).toBe(401);
  });

  it('a missing header by a text of its own, and every bad token by one and the same', async () => {
    const ask = async (headers: Record<string, string>) => {
      const { body, headers: answered } = await tessera.get('/auth/user/profile', headers);
      return { detail: body['detail'], challenge: answered.get('www-authenticate') };
    };
    const challenge = 'Bearer realm="tessera"';
    expect(await ask({})).toEqual({
      detail: 'The request has no Authorization header. Send "Authorization: Bearer" and an access token.',
      challenge,
    });
    const detail = 'The caller could not be authenticated or is not entitled to this token.';
    for (const authorization of ['Bearer x', `Bearer ${await tokenOf('admin')}`, 'Basic eDp5'])
      expect(await ask({ authorization })).toEqual({ detail, challenge });
  });

  it('two headers', async () => {
    const header = `Authorization: Bearer ${await tokenOf('user')}\r\n`;
    const ask = (headers: string) =>
      sendRaw(
        Number(new URL(tessera.url).port),
        `GET /auth/user/profile HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`,
      );
    expect((await ask(header)).status).toBe(200);
    const refused = await ask(header + header);
    expect(refused.status).toBe(401);
    expect(refused.body).toContain('The request has more than one Authorization header. Send exactly one.');
  });

  it('a token in the query', async () => {
    expect((await tessera.get(`/auth/user/profile?access_token=${await tokenOf('user')}`)).refusal().status).toBe(401);
  });

  it('a token of a key that was revoked', async () => {
    const token = await tokenOf('user');
    expect((await profile(token)).status).toBe(200);
    await tessera.cli(['keys', 'rotate', 'acme']);
    const next = (await storedKeysOf(tessera, 'acme')).find((key) => key.kid !== material.kid)!;
    await tessera.cli(['keys', 'activate', 'acme', next.kid, '--dangerously-before-verifiers-know-it']);
    await tessera.cli(['keys', 'revoke', 'acme', material.kid]);
    await tessera.caughtUp();
    await eventually('the refusal', async () => (await profile(token)).status === 401);
    expect((await profile(await tokenOf('user'))).status).toBe(200);
  });
});
