import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/**
 * For each step, one good request with one change: what generateToken must refuse, and how. A refusal is a status, an error code, one body for all of
 * its kind, and a private reason that only the audit record has.
 */
let tessera: TestTesseraServer;
beforeAll(async () => {
  tessera = await startTessera();
});
afterAll(() => tessera.close());

interface Ask {
  readonly surface?: 'admin' | 'user';
  readonly body?: Readonly<Record<string, unknown>>;
  readonly headers?: Record<string, string>;
}

function ask({ surface = 'user', body = {}, headers }: Ask = {}) {
  const good = {
    tenant_id: 'acme',
    project_id: 'shop',
    client_id: 'web',
    email_id: surface === 'admin' ? 'root@acme.example' : 'ada@acme.example',
  };
  const request = { ...good, secret_id: tessera.secret('acme/shop/web'), ...body };
  return tessera.post(`/auth/${surface}/generateToken`, request, headers);
}

describe.each(['admin', 'user'] as const)('generateToken of the %s surface', (surface) => {
  it('accepts the right secret for an active subject', async () => {
    const answer = await ask({ surface });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ access_token: expect.any(String), expires_in: 600, token_type: 'Bearer' });
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  describe('answers 401', () => {
    const sameLength = (text: string) => `${text.slice(0, -1)}${text.endsWith('A') ? 'B' : 'A'}`;
    const rows: [string, (secret: string) => Record<string, unknown>, string][] = [
      ['without a secret', () => ({ secret_id: undefined }), 'the secret is missing'],
      ['for an empty secret', () => ({ secret_id: '' }), 'the secret does not match'],
      ['for a blank secret', () => ({ secret_id: '   ' }), 'the secret does not match'],
      [
        'for a wrong secret of the same length',
        (secret) => ({ secret_id: sameLength(secret) }),
        'the secret does not match',
      ],
      ['for a secret with a newline after it', (secret) => ({ secret_id: `${secret}\n` }), 'the secret does not match'],
      ['for a secret with a space before it', (secret) => ({ secret_id: ` ${secret}` }), 'the secret does not match'],
      ['for a secret with NUL after it', (secret) => ({ secret_id: `${secret}\0` }), 'the secret does not match'],
      [
        'for a secret in full-width letters',
        (secret) => ({ secret_id: fullWidth(secret) }),
        'the secret does not match',
      ],
      ['for a very long secret', (secret) => ({ secret_id: secret.repeat(1000) }), 'the secret does not match'],
      ['for a lone surrogate', () => ({ secret_id: '\ud800' }), 'the secret does not match'],
      [
        'for the secret of another client',
        () => ({ secret_id: tessera.secret('acme/shop/anything') }),
        'the secret does not match',
      ],
      [
        'for the secret of the same client id in another tenant',
        () => ({ secret_id: tessera.secret('globex/shop/web') }),
        'the secret does not match',
      ],
      [
        'for a disabled client',
        () => ({ client_id: 'gone', secret_id: tessera.secret('acme/shop/gone') }),
        'the client is disabled',
      ],
      ['for an unknown subject', () => ({ email_id: 'nobody@acme.example' }), 'unknown subject'],
      [
        'for a subject outside the client’s domains',
        () => ({ email_id: 'eve@elsewhere.example' }),
        surface === 'user' ? 'the client may not ask for this subject' : 'unknown subject',
      ],
      [
        'for a disabled subject',
        () => ({ email_id: surface === 'user' ? 'bob@acme.example' : 'gone@acme.example' }),
        'the subject is disabled',
      ],
      [
        'for a subject of the other surface',
        () => ({ email_id: surface === 'user' ? 'root@acme.example' : 'carol@acme.example' }),
        'unknown subject',
      ],
      [
        'in a suspended tenant',
        () => ({
          tenant_id: 'initech',
          email_id: 'ina@initech.example',
          secret_id: tessera.secret('initech/shop/web'),
        }),
        'the tenant is suspended',
      ],
    ];

    it.each(rows)('%s', async (_name, change, reason) => {
      const answer = await ask({ surface, body: change(tessera.secret('acme/shop/web')) });
      expect(answer.refusal()).toEqual({ status: 401, error: 'unauthorized', title: 'Unauthorized' });
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(await tessera.auditReason(answer.requestId)).toBe(reason);
    });

    it('with the subject in the record once it was found, and a digest of the address once nobody was', async () => {
      const recordOf = async (body: Record<string, unknown>) =>
        tessera.auditRow((await ask({ surface, body })).requestId);
      const disabled = surface === 'user' ? ['bob@acme.example', 'u-bob'] : ['gone@acme.example', 'a-gone'];
      expect(await recordOf({ email_id: disabled[0] })).toMatchObject({
        subject_id: disabled[1],
        subject_digest: null,
      });
      if (surface === 'user')
        expect(await recordOf({ email_id: 'eve@elsewhere.example' })).toMatchObject({ subject_id: 'u-eve' });
      const nobody = await recordOf({ email_id: 'nobody@acme.example' });
      expect(nobody).toMatchObject({ subject_id: null, subject_digest: expect.stringMatching(/^[\w-]{43}$/) });
      expect((await recordOf({ email_id: 'NOBODY@acme.example' }))['subject_digest']).toBe(nobody['subject_digest']);
      expect((await recordOf({ email_id: 'another@acme.example' }))['subject_digest']).not.toBe(
        nobody['subject_digest'],
      );
      const wrong = await recordOf({ email_id: 'nobody@acme.example', secret_id: 'wrong' });
      expect(wrong).toMatchObject({ subject_id: null, subject_digest: null });
    });

    it('with the same body for all of them', async () => {
      const bodies = new Set<string>();
      for (const [, change] of rows) {
        const { body } = await ask({ surface, body: change(tessera.secret('acme/shop/web')) });
        bodies.add(JSON.stringify({ ...body, request_id: '' }));
      }
      expect(bodies.size).toBe(1);
    });
  });

  describe('answers 404', () => {
    const rows: [string, Record<string, unknown>][] = [
      ['for an unknown tenant', { tenant_id: 'umbrella' }],
      ['for an unknown project', { project_id: 'warehouse' }],
      ['for an unknown client', { client_id: 'nobody' }],
      ['for a client of another project', { project_id: 'closed' }],
      ['for a client of another tenant', { tenant_id: 'globex', client_id: 'reader' }],
      ['for an unknown client of a suspended tenant', { tenant_id: 'initech', client_id: 'nobody' }],
    ];

    it.each(rows)('%s', async (_name, change) => {
      const answer = await ask({ surface, body: change });
      expect(answer.refusal()).toEqual({ status: 404, error: 'client_not_found', title: 'Client not found' });
      expect(await tessera.auditReason(answer.requestId)).toMatch(/^unknown /);
    });

    it('with the same body for all of them', async () => {
      const bodies = new Set<string>();
      for (const [, change] of rows) {
        bodies.add(JSON.stringify({ ...(await ask({ surface, body: change })).body, request_id: '' }));
      }
      expect(bodies.size).toBe(1);
    });
  });

  describe('answers 400', () => {
    const ids: unknown[] = [
      '.',
      '..',
      '../acme',
      'ac/me',
      'ac%2fme',
      'ac%00me',
      'ac\0me',
      'Acme',
      'ＡＣＭＥ',
      'ácme',
      'a'.repeat(65),
      '',
      null,
      1,
      ['acme'],
      { $ne: 1 },
    ];
    it.each(
      ['tenant_id', 'project_id', 'client_id'].flatMap((member) =>
        ids.map((value): [string, unknown] => [member, value]),
      ),
    )('for %s = %j, before anything else is read', async (member, value) => {
      const before = tessera.auditRows();
      const answer = await ask({ surface, body: { [member]: value } });
      expect(answer.refusal()).toEqual({ status: 400, error: 'invalid_request', title: 'Invalid request payload' });
      expect(tessera.auditRows()).toBe(before);
    });

    it.each([
      'ada',
      'a@b@acme.example',
      'ada@acme.example ',
      'ada@acme.example\r\nx: y',
      'adı@acme.example',
      '\u212a@acme.example',
      'a\u0301da@acme.example',
      'straße@acme.example',
      `ada@${'a'.repeat(251)}`,
      '',
      null,
      ['ada@acme.example'],
    ])('for email_id = %j', async (email) => {
      const answer = await ask({ surface, body: { email_id: email } });
      expect(answer.refusal()).toEqual({ status: 400, error: 'invalid_request', title: 'Invalid request payload' });
    });

    it.each([null, 1, true, [], {}, ['x']])('for secret_id = %j', async (secret) => {
      const answer = await ask({ surface, body: { secret_id: secret } });
      expect(answer.refusal()).toEqual({ status: 400, error: 'invalid_request', title: 'Invalid request payload' });
    });

    it('for an unknown member', async () => {
      expect((await ask({ surface, body: { scope: 'orders:read' } })).refusal()).toMatchObject({
        status: 400,
        error: 'invalid_request',
      });
    });
  });
});

describe('a client of one surface', () => {
  it('is accepted on its own', async () => {
    const answer = await ask({ body: { client_id: 'reader', secret_id: tessera.secret('acme/shop/reader') } });
    expect(answer.status).toBe(200);
  });

  it('is rejected on the other', async () => {
    const answer = await ask({
      surface: 'admin',
      body: { client_id: 'reader', secret_id: tessera.secret('acme/shop/reader') },
    });
    expect(answer.refusal()).toMatchObject({ status: 401 });
    expect(await tessera.auditReason(answer.requestId)).toBe('the client may not use this surface');
  });
});

describe('a disabled project', () => {
  it('is a 401 for its own client with the right secret', async () => {
    const answer = await ask({
      body: { project_id: 'closed', client_id: 'late', secret_id: tessera.secret('acme/closed/late') },
    });
    expect(answer.refusal()).toMatchObject({ status: 401 });
    expect(await tessera.auditReason(answer.requestId)).toBe('the project is disabled');
  });
});

describe('a secretless client', () => {
  it('is accepted without a secret from a listed network', async () => {
    expect((await ask({ body: { client_id: 'kiosk', secret_id: undefined } })).status).toBe(200);
  });

  it.each([
    [
      'from another network',
      { client_id: 'kiosk-elsewhere', secret_id: undefined },
      'a secretless client asked from another network',
    ],
    ['with a secret that it does not have', { client_id: 'kiosk', secret_id: 'guess' }, 'the secret does not match'],
    ['with an empty secret', { client_id: 'kiosk', secret_id: '' }, 'the secret does not match'],
  ])('is rejected %s', async (_name, body, reason) => {
    const answer = await ask({ body });
    expect(answer.refusal()).toMatchObject({ status: 401 });
    expect(await tessera.auditReason(answer.requestId)).toBe(reason);
  });

  it.each([
    'x-forwarded-for',
    'forwarded',
    'x-real-ip',
    'via',
    'x-forwarded-proto',
    'cf-connecting-ip',
    'true-client-ip',
  ])('is rejected when the request was forwarded by an unlisted proxy, as %s shows', async (name) => {
    const answer = await ask({
      body: { client_id: 'kiosk', secret_id: undefined },
      headers: { [name]: '127.0.0.1' },
    });
    expect(answer.refusal()).toMatchObject({ status: 401 });
    expect(tessera.auditRow(answer.requestId)).toMatchObject({
      reason: 'a secretless client asked from another network',
      source: '127.0.0.1',
    });
  });

  describe('behind a listed proxy', () => {
    let proxied: TestTesseraServer;
    beforeAll(async () => {
      proxied = await startTessera({ env: { TESSERA_TRUSTED_PROXIES: '127.0.0.1' } });
    });
    afterAll(() => proxied.close());

    const askKiosk = (headers: Record<string, string>) =>
      proxied.post(
        '/auth/user/generateToken',
        { tenant_id: 'acme', project_id: 'shop', client_id: 'kiosk', email_id: 'ada@acme.example' },
        headers,
      );

    it('is accepted when the proxy names an address of a listed network', async () => {
      expect((await askKiosk({ 'x-forwarded-for': '127.0.0.9' })).status).toBe(200);
    });

    it.each([
      ['nobody', {}],
      ['an address of another network', { 'x-forwarded-for': '203.0.113.7' }],
      ['no caller in X-Forwarded-For', { 'x-forwarded-for': '' }],
      ['something other than an address', { 'x-forwarded-for': '127.0.0.9, unknown' }],
      ['its caller in X-Real-IP', { 'x-real-ip': '127.0.0.9' }],
      ['itself in Via', { via: '1.1 proxy' }],
      ['a scheme', { 'x-forwarded-proto': 'https' }],
    ])('is rejected when the proxy names %s', async (_what, headers: Record<string, string>) => {
      const answer = await askKiosk(headers);
      expect(answer.refusal()).toMatchObject({ status: 401, error: 'unauthorized' });
      expect(proxied.auditReason(answer.requestId)).toBe('a secretless client asked from another network');
    });
  });

  it('is rejected on the admin surface', async () => {
    const answer = await ask({ surface: 'admin', body: { client_id: 'kiosk', secret_id: undefined } });
    expect(answer.refusal()).toMatchObject({ status: 401 });
    expect(await tessera.auditReason(answer.requestId)).toBe('a secretless client asked on the admin surface');
  });
});

function fullWidth(text: string): string {
  return text.replace(/[!-~]/g, (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0));
}
