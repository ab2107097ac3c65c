import { inspect } from 'node:util';
import { base64url } from '../../../testing/provider-tokens.ts';
import { refusalOf } from '../../../testing/refusal.ts';
import { type OidcTokenInput, parseOidcTokenRequest } from './parse-oidc-token-request.ts';
import { PresentedToken } from '../../../domain/presented-token.ts';

const PUBLIC_URL = 'https://tessera.example';
const HEADER = base64url('{"typ":"at+jwt","alg":"ES256","kid":"k"}');
const bearerOf = (issuer: unknown): string => `${HEADER}.${base64url(JSON.stringify({ iss: issuer }))}.c2ln`;
const BEARER = bearerOf(`${PUBLIC_URL}/tenants/acme`);

const input = (changes: Partial<OidcTokenInput> = {}): OidcTokenInput => ({
  surface: 'user',
  authorization: [`Bearer ${BEARER}`],
  body: { oidc_token: 'a.b.c' },
  source: '192.0.2.1',
  ...changes,
});
const parse = (changes: Partial<OidcTokenInput> = {}) => parseOidcTokenRequest(PUBLIC_URL, input(changes));
const refusal = (changes: Partial<OidcTokenInput>) =>
  refusalOf(
    Promise.resolve().then(() => {
      parse(changes);
    }),
  );

describe('parseOidcTokenRequest', () => {
  it('accepts one bearer and one oidc_token, and looks for the tenant that the bearer names', () => {
    const request = parse();
    expect(request).toMatchObject({ surface: 'user', source: '192.0.2.1', tenantId: 'acme' });
    expect(PresentedToken.text(request.bearer)).toBe(BEARER);
    expect(PresentedToken.text(request.oidcToken)).toBe('a.b.c');
  });

  it.each([`bearer ${BEARER}`, `BEARER   ${BEARER}`])('accepts the scheme in any case', (header) => {
    expect(parse({ authorization: [header] }).tenantId).toBe('acme');
  });

  it.each([
    [{ project_id: 'shop', client_id: 'web' }, 'shop/web'],
    [{}, '?/?'],
    [{ project_id: '../x', client_id: ['web'] }, '?/?'],
  ])('names the client that the bearer names, for %j', (claims, claimedClient) => {
    const payload = base64url(JSON.stringify({ iss: `${PUBLIC_URL}/tenants/acme`, ...claims }));
    expect(parse({ authorization: [`Bearer ${HEADER}.${payload}.c2ln`] }).claimedClient).toBe(claimedClient);
  });

  it('shows neither token to whoever prints the request', () => {
    const request = parse({ body: { oidc_token: 'MARKED' } });
    const shown = `${inspect(request, { depth: 9 })} ${JSON.stringify(request)} ${String(request.oidcToken)}`;
    expect(shown).not.toContain('MARKED');
    expect(shown).not.toContain(BEARER);
    expect(shown).toContain('[redacted]');
  });

  it.each([
    ['no Authorization header', undefined, 'no bearer'],
    ['an empty list of them', [], 'no bearer'],
    ['two of them', [`Bearer ${BEARER}`, `Bearer ${BEARER}`], 'more than one bearer'],
    ['two tokens in one', [`Bearer ${BEARER}, Bearer ${BEARER}`], 'the Authorization header is not one bearer'],
    ['two words', [`Bearer ${BEARER} ${BEARER}`], 'the Authorization header is not one bearer'],
    ['another scheme', [`Basic ${BEARER}`], 'the Authorization header is not one bearer'],
    ['no scheme', [BEARER], 'the Authorization header is not one bearer'],
    ['no token', ['Bearer '], 'the Authorization header is not one bearer'],
    ['a line end', [`Bearer ${BEARER}\n`], 'the Authorization header is not one bearer'],
    ['an opaque token', ['Bearer abc'], 'the bearer is malformed'],
    ['a foreign header', [`Bearer ${base64url('{"alg":"ES256"}')}.e30.c2ln`], 'the bearer is malformed'],
    ['a bearer over 8 KiB', [`Bearer ${'a'.repeat(9_000)}`], 'the bearer is malformed'],
  ])('rejects %s with 401', async (_, authorization, reason) => {
    const { code, reason: given } = await refusal({ authorization });
    expect([code, given]).toEqual(['unauthorized', reason]);
  });

  it.each([
    ['a slash behind it', `${PUBLIC_URL}/tenants/acme/`],
    ['another case', 'https://TESSERA.example/tenants/acme'],
    ['the port spelled out', 'https://tessera.example:443/tenants/acme'],
    ['another host', 'https://evil.example/tenants/acme'],
    ['a path in its id', `${PUBLIC_URL}/tenants/../acme`],
    ['capitals in its id', `${PUBLIC_URL}/tenants/ACME`],
    ['no id', `${PUBLIC_URL}/tenants/`],
    ['a number', 7],
    ['nothing', undefined],
  ])('rejects an issuer with %s with 401', async (_, issuer) => {
    const { code, reason } = await refusal({ authorization: [`Bearer ${bearerOf(issuer)}`] });
    expect([code, reason]).toEqual(['unauthorized', 'the bearer is of another issuer']);
  });

  it.each([
    ['null', null, 'The body must be a JSON object.'],
    ['nothing', undefined, 'The body must be a JSON object.'],
    ['a list', [{ oidc_token: 'a' }], 'The body must be a JSON object.'],
    ['no oidc_token', {}, 'oidc_token is missing.'],
    ['null in oidc_token', { oidc_token: null }, 'oidc_token must be a string.'],
    ['an empty oidc_token', { oidc_token: '' }, 'oidc_token must not be empty.'],
    ['a list in oidc_token', { oidc_token: ['a'] }, 'oidc_token must be a string.'],
    ['an object in oidc_token', { oidc_token: { $ne: 1 } }, 'oidc_token must be a string.'],
    ['another member', { oidc_token: 'a', client_id: 'web' }, 'The body has a member that is not oidc_token.'],
    ['an own __proto__', JSON.parse('{"oidc_token":"a","__proto__":{}}'), 'The body has a member that is not'],
  ])('rejects a body with %s with 400', async (_, body: unknown, detail) => {
    const error = await refusal({ body });
    expect(error.code).toBe('invalid_request');
    expect(error.detail).toContain(detail);
  });

  it('asks for the bearer before it judges the body', async () => {
    expect((await refusal({ authorization: undefined, body: {} })).code).toBe('unauthorized');
  });
});
