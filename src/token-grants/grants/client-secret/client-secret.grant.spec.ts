import { Secret } from '../../../config/secret.ts';
import { TesseraError } from '../../../errors/tessera-error.ts';
import { parseSecretTokenRequest } from './client-secret.grant.ts';

const ORIGIN = { source: '192.0.2.1', network: 'unknown' };
const GOOD = {
  client_id: 'web',
  email_id: 'Ada@acme.example',
  project_id: 'shop',
  tenant_id: 'acme',
  secret_id: 's3cret',
};

function refusal(body: unknown): TesseraError {
  try {
    parseSecretTokenRequest(body, 'user', ORIGIN);
  } catch (error) {
    if (error instanceof TesseraError) return error;
    throw error;
  }
  throw new Error('no refusal came');
}

describe('parseSecretTokenRequest', () => {
  it('accepts the documented form', () => {
    const request = parseSecretTokenRequest(GOOD, 'user', ORIGIN);
    expect(request).toMatchObject({
      surface: 'user',
      ...ORIGIN,
      tenantId: 'acme',
      projectId: 'shop',
      clientId: 'web',
    });
    expect(request.email.canonical).toBe('ada@acme.example');
    expect(request.credential?.equals(new Secret('s3cret'))).toBe(true);
  });

  it('accepts a request without secret_id, and says that none was sent', () => {
    const body = { client_id: 'web', email_id: 'ada@acme.example', project_id: 'shop', tenant_id: 'acme' };
    expect(parseSecretTokenRequest(body, 'admin', ORIGIN).credential).toBeUndefined();
  });

  it.each(['', ' ', 's3cret\n', 'nul\0', 'x'.repeat(60_000)])(
    'leaves the secret %j as it is, to be proven or refused',
    (text) => {
      const request = parseSecretTokenRequest({ ...GOOD, secret_id: text }, 'user', ORIGIN);
      expect(request.credential?.equals(new Secret(text))).toBe(true);
    },
  );

  it.each([
    ['null', null, 'The body must be a JSON object.'],
    ['an array', [GOOD], 'The body must be a JSON object.'],
    ['a string', 'x', 'The body must be a JSON object.'],
    ['an unknown member', { ...GOOD, admin: true }, 'The body has a member that is not'],
    [
      'an own __proto__',
      JSON.parse(`{"__proto__":{"x":1},"client_id":"web","email_id":"a@b","project_id":"shop","tenant_id":"acme"}`),
      'The body has a member that is not',
    ],
    ['a null secret_id', { ...GOOD, secret_id: null }, 'secret_id must be a string'],
    ['an array secret_id', { ...GOOD, secret_id: ['s3cret'] }, 'secret_id must be a string'],
    ['an object secret_id', { ...GOOD, secret_id: { $ne: 1 } }, 'secret_id must be a string'],
    ['a number secret_id', { ...GOOD, secret_id: 1 }, 'secret_id must be a string'],
    ['a missing tenant_id', { ...GOOD, tenant_id: undefined }, /^tenant_id is missing\.$/],
    ['no email_id', { ...GOOD, email_id: undefined }, /^email_id is missing\.$/],
    [
      'no member at all',
      {},
      /^client_id is missing; email_id is missing; project_id is missing; tenant_id is missing\.$/,
    ],
    [
      'a missing and a wrong member',
      { ...GOOD, email_id: undefined, tenant_id: '' },
      /^email_id is missing; tenant_id must be 1 to/,
    ],
    ['a null email_id', { ...GOOD, email_id: null }, /^email_id must be a string\.$/],
    ['a number email_id', { ...GOOD, email_id: 1 }, /^email_id must be a string\.$/],
    [
      'an email_id of 255 characters',
      { ...GOOD, email_id: `a@${'b'.repeat(253)}` },
      /^email_id must be at most 254 characters\.$/,
    ],
    ['a traversing tenant_id', { ...GOOD, tenant_id: '../acme' }, 'tenant_id must be 1 to 64 characters'],
    ['a project_id in capitals', { ...GOOD, project_id: 'SHOP' }, 'project_id must be 1 to 64 characters'],
    ['an object client_id', { ...GOOD, client_id: { $ne: 1 } }, 'client_id must be a string'],
    ['an email_id without @', { ...GOOD, email_id: 'ada' }, 'email_id must be an ASCII e-mail address'],
    ['a non-ASCII email_id', { ...GOOD, email_id: 'ád@acme.example' }, 'email_id must be an ASCII e-mail address'],
  ] as [string, unknown, string | RegExp][])('rejects %s', (_name, body, sentence) => {
    const error = refusal(body);
    expect(error.code).toBe('invalid_request');
    if (typeof sentence === 'string') expect(error.detail).toContain(sentence);
    else expect(error.detail).toMatch(sentence);
  });

  it('never repeats what the body held', () => {
    const error = refusal({
      ...GOOD,
      tenant_id: 'MARKED-TENANT',
      email_id: 'MARKED EMAIL',
      secret_id: ['MARKED-SECRET'],
      'MARKED-MEMBER': 1,
    });
    expect(`${error.message} ${error.detail} ${error.reason}`).not.toContain('MARKED');
  });
});
