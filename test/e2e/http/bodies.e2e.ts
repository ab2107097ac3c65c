import { type RunningEdge, startEdge } from '../../support/tessera/edge.ts';
import { sendRaw } from '../../support/requests/raw-http.ts';

let edge: RunningEdge;
beforeAll(async () => {
  edge = await startEdge();
});
afterAll(() => edge.close());

const JSON_TYPE = 'application/json';

function post(
  body: string | Uint8Array<ArrayBuffer> | undefined,
  headers: Record<string, string> = { 'content-type': JSON_TYPE },
) {
  return fetch(`${edge.url}/probe/token`, { method: 'POST', body: body ?? null, headers });
}

async function expectRefusal(
  answer: Response,
  status: number,
  error: string,
  reason: string,
  detail?: string,
): Promise<void> {
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(await answer.json()).toMatchObject({ status, error, ...(detail !== undefined && { detail }) });
  expect(await edge.lineOf(answer.headers.get('x-request-id'))).toMatchObject({ outcome: error, reason });
}

describe('a body', () => {
  it.each([
    ['JSON', JSON_TYPE],
    ['JSON that says UTF-8', 'application/json; charset=utf-8'],
    ['JSON in capitals', 'Application/JSON;charset="UTF-8"'],
  ])('is accepted as %s', async (_name, type) => {
    const answer = await post('{"a":"ä"}', { 'content-type': type });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ received: { a: 'ä' } });
  });

  it('may be absent: the route decides what that means', async () => {
    const answer = await post(undefined, {});
    expect(await answer.json()).toEqual({ received: null });
  });

  it.each([
    ['a form', 'application/x-www-form-urlencoded'],
    ['plain text', 'text/plain'],
    ['a JSON relative', 'application/vnd.api+json'],
    ['problem JSON', 'application/problem+json'],
    ['a prefix of the type', 'application/jso'],
    ['a longer type', 'application/jsonp'],
    ['two types', 'application/json, text/plain'],
    ['multipart', 'multipart/form-data; boundary=x'],
    ['no type at all', ''],
    ['XML', 'application/xml'],
  ])('is refused as %s', async (_name, type) => {
    await expectRefusal(
      await post('{"a":1}', { 'content-type': type }),
      415,
      'unsupported_media_type',
      'unsupported media type',
    );
  });

  it.each(['latin1', 'utf-16', 'utf-7', 'us-ascii'])('is refused in charset %s', async (charset) => {
    const answer = await post('{"a":1}', { 'content-type': `${JSON_TYPE}; charset=${charset}` });
    await expectRefusal(answer, 415, 'unsupported_media_type', 'other charset');
  });

  it('is refused when it is compressed', async () => {
    const answer = await post('{"a":1}', { 'content-type': JSON_TYPE, 'content-encoding': 'gzip' });
    await expectRefusal(answer, 415, 'unsupported_media_type', 'encoded body');
  });

  it.each([
    ['empty', '', 'body: syntax', 'The body is empty.'],
    ['cut off', '{"a":1', 'body: syntax', 'The body is not valid JSON.'],
    [
      'a number that is too large',
      '{"a":1e999}',
      'body: number out of range',
      'The body has a number that is out of range.',
    ],
    ['a comment', '{"a":1/**/}', 'body: syntax', 'The body is not valid JSON.'],
    ['a trailing comma', '{"a":1,}', 'body: syntax', 'The body is not valid JSON.'],
    ['not a number', '{"a":NaN}', 'body: syntax', 'The body is not valid JSON.'],
    ['two documents', '{"a":1}{"a":1}', 'body: syntax', 'The body is not valid JSON.'],
    ['duplicate names', '{"a":1,"a":2}', 'body: duplicate member name', 'The body has a member name twice.'],
    [
      'duplicate names, one escaped',
      '{"a":1,"\\u0061":2}',
      'body: duplicate member name',
      'The body has a member name twice.',
    ],
    [
      'duplicate names further down',
      '{"b":{"a":1,"a":1}}',
      'body: duplicate member name',
      'The body has a member name twice.',
    ],
    [
      '__proto__',
      '{"__proto__":{"polluted":true}}',
      'body: member name __proto__',
      'The body has a member named __proto__.',
    ],
    [
      'nine levels',
      `${'['.repeat(9)}${']'.repeat(9)}`,
      'body: nested too deeply',
      'The body is nested more than 8 levels deep.',
    ],
    ['30,000 levels', '['.repeat(30_000), 'body: nested too deeply', 'The body is nested more than 8 levels deep.'],
  ])('that is %s is refused', async (_name, body, reason, detail) => {
    await expectRefusal(await post(body), 400, 'invalid_request', reason, detail);
  });

  it.each([
    [
      'invalid UTF-8',
      [0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d],
      'the body is not UTF-8',
      'The body is not UTF-8.',
    ],
    ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22], 'the body is not UTF-8', 'The body is not UTF-8.'],
    ['a surrogate in UTF-8', [0x22, 0xed, 0xa0, 0x80, 0x22], 'the body is not UTF-8', 'The body is not UTF-8.'],
    [
      'a byte order mark',
      [0xef, 0xbb, 0xbf, 0x7b, 0x7d],
      'the body starts with a byte order mark',
      'The body starts with a byte order mark.',
    ],
  ])('with %s is refused', async (_name, bytes, reason, detail) => {
    await expectRefusal(await post(Uint8Array.from(bytes)), 400, 'invalid_request', reason, detail);
  });

  it('does not change Object.prototype', async () => {
    await post('{"__proto__":{"polluted":1}}');
    await post('{"constructor":{"prototype":{"polluted":1}}}');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('of 64 KiB is accepted', async () => {
    expect((await post(ofSize(64 * 1024))).status).toBe(200);
  });

  it('of one byte more is refused', async () => {
    await expectRefusal(await post(ofSize(64 * 1024 + 1)), 413, 'payload_too_large', 'body too large');
  });

  it('of unknown length is refused as soon as it is too large', async () => {
    const chunk = `1000\r\n${' '.repeat(0x1000)}\r\n`;
    const answer = await sendRaw(
      edge.port,
      `POST /probe/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(17)}`,
    );
    expect(answer.status).toBe(413);
  });

  it('whose announced length is too large is refused before it is sent', async () => {
    const answer = await sendRaw(
      edge.port,
      'POST /probe/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n',
    );
    expect(answer.status).toBe(413);
  });
});

describe('a request that is not valid HTTP', () => {
  it.each([
    ['garbage', 'garbage\r\n\r\n', 400],
    ['TLS', '\x16\x03\x01\x02\x00', 400],
    [
      'both lengths',
      'POST /probe/token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['two lengths', 'POST /probe/token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc', 400],
    ['a line feed in a header', 'GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\nc: d\r\n\r\n', 400],
    ['headers of 17 KiB', `GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(17 * 1024)}\r\n\r\n`, 431],
  ])('%s is refused with a problem', async (_name, bytes, status) => {
    const answer = await sendRaw(edge.port, bytes);
    expect(answer.status).toBe(status);
    expect(answer.headers['connection']).toBe('close');
    expect(JSON.parse(answer.body)).toMatchObject({ status });
  });

  it('a request without a host is refused', async () => {
    expect((await sendRaw(edge.port, 'GET /healthz HTTP/1.1\r\n\r\n')).status).toBe(400);
  });

  it.each(['/%zz', '/%', '/docs/%2e%2e/%2e%2e/package.json', '/docs/../../package.json', '/docs/%00'])(
    'the address %s reveals nothing and breaks nothing',
    async (path) => {
      const answer = await sendRaw(edge.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      expect([400, 404]).toContain(answer.status);
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(await edge.lineOf(answer.headers['x-request-id'] ?? null)).toMatchObject({ status: answer.status });
    },
  );
});

function ofSize(bytes: number): string {
  return `{"a":"${'x'.repeat(bytes - 8)}"}`;
}
