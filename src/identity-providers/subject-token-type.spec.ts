import { isTypeAllowed, parseSubjectTokenType } from './subject-token-type.ts';

const isAllowed = (text: string, named: readonly string[] = []): boolean => {
  const type = parseSubjectTokenType(text);
  return type !== undefined && isTypeAllowed(type, named);
};

describe('the typ of a subject token', () => {
  it.each(['JWT', 'jwt', 'Jwt', 'application/jwt', 'APPLICATION/JWT', 'at+jwt', 'AT+JWT', 'application/at+jwt'])(
    'may be %s at any issuer',
    (typ) => {
      expect(isAllowed(typ)).toBe(true);
    },
  );

  it('may be missing', () => {
    expect(isTypeAllowed(undefined, [])).toBe(true);
  });

  it.each([
    'logout+jwt',
    'application/logout+jwt',
    'dpop+jwt',
    'oauth-authz-req+jwt',
    'token-introspection+jwt',
    'secevent+jwt',
    'kb+jwt',
    'entity-statement+jwt',
    'JOSE',
    'JWE',
    'JWS',
    'application/application/jwt',
    'text/jwt',
    'jwt+jwt',
    'x+at+jwt',
    'JWT; x=1',
    ' JWT',
    'JWT ',
    'JWT,at+jwt',
    'J\u0057T\u0000',
    '/jwt',
    'application/',
    '*',
  ])('is not %j unless the issuer is trusted with it', (typ) => {
    expect(isAllowed(typ)).toBe(false);
  });

  it('may be one that the issuer is trusted with, in any letter case and with the prefix, and no other', () => {
    const named = ['okta-internal-at+jwt', 'text/token'];
    for (const typ of ['okta-internal-at+jwt', 'application/OKTA-internal-at+jwt', 'text/token', 'Text/Token', 'JWT'])
      expect(isAllowed(typ, named)).toBe(true);
    for (const typ of ['internal-at+jwt', 'token', 'application/token', 'logout+jwt'])
      expect(isAllowed(typ, named)).toBe(false);
  });

  it('is not another one that becomes the same by non-ASCII case folding', () => {
    expect(isAllowed('\u212ab+jwt', ['kb+jwt'])).toBe(false);
  });
});
