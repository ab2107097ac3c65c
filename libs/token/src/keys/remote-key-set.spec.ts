import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { generateKeyPairSync } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { eventually } from '../../test/eventually.ts';
import { startStopwatch } from '../../test/stopwatch.ts';
import { ManualClock } from '../../test/manual-clock.ts';
import { json, newEcKey, TesseraServer, type TestKey } from '../../test/tessera-server.ts';
import { TokenError, type TokenVerifier, type VerifierOptions } from '../index.ts';
import { createVerifierWithClock } from '../verify/verifier.ts';
import { replaceOnce } from '../../test/replace-once.ts';

let server: TesseraServer;
let clock: ManualClock;
let key: TestKey;
const verifiers: TokenVerifier[] = [];

beforeEach(async () => {
  server = await TesseraServer.start();
  clock = new ManualClock();
  key = newEcKey('k-1');
  server.publish('acme', key.publicJwk);
});

afterEach(async () => {
  for (const verifier of verifiers.splice(0)) verifier.close();
  await server.stop();
});

function newVerifier(options: Partial<VerifierOptions> = {}): TokenVerifier {
  const verifier = createVerifierWithClock(
    {
      baseUrl: server.baseUrl,
      tenants: ['acme'],
      audience: 'shop-api',
      revocations: 'off',
      ...options,
    },
    clock,
  );
  verifiers.push(verifier);
  return verifier;
}

async function refusal(result: Promise<unknown>): Promise<TokenError> {
  try {
    await result;
  } catch (error) {
    expect(error).toBeInstanceOf(TokenError);
    const { message, reason } = error as TokenError;
    expect(`${message}${reason}`).not.toContain('127.0.0.1');
    return error as TokenError;
  }
  throw new Error('was accepted');
}

/** Waits until the background fetch has arrived and its response was processed. */
async function refetched(times: number): Promise<void> {
  await eventually('the refetch', () => server.keyRequests('acme') === times);
  await delay(50);
  // After a pause of the machine, timers come before what has arrived meanwhile.
  for (let turn = 0; turn < 50; turn += 1) await nextTurn();
}

describe('keys from Tessera', () => {
  it('are fetched once for many tokens at once, and kept', async () => {
    const verifier = newVerifier();
    await Promise.all(Array.from({ length: 50 }, () => verifier.verify(server.token('acme', key))));
    await verifier.verify(server.token('acme', key));
    expect(server.requests).toEqual(['/tenants/acme/jwks.json']);
  });

  it('are fetched from fetchBaseUrl, while iss is compared with the public name', async () => {
    const verifier = newVerifier({ baseUrl: 'https://tessera.example', fetchBaseUrl: server.baseUrl });
    const token = server.token('acme', key, { iss: 'https://tessera.example/tenants/acme' });
    expect((await verifier.verify(token)).issuer).toBe('https://tessera.example/tenants/acme');
    expect((await refusal(verifier.verify(server.token('acme', key)))).code).toBe('TOKEN_ISSUER_UNTRUSTED');
  });

  it.each([
    ['issuer', () => ({ issuer: `${server.baseUrl}/tenants/acme` })],
    ['issuers as texts', () => ({ issuers: [`${server.baseUrl}/tenants/acme`] })],
    [
      'issuers with a jwksUri',
      () => ({
        issuers: [{ issuer: `${server.baseUrl}/tenants/acme`, jwksUri: `${server.baseUrl}/tenants/acme/jwks.json` }],
      }),
    ],
  ])('are found by %s', async (_, trust) => {
    const verifier = newVerifier({ baseUrl: undefined, tenants: undefined, ...trust() });
    expect((await verifier.verify(server.token('acme', key))).tenantId).toBe('acme');
  });

  it('of a tenant that is not listed are not asked for', async () => {
    server.publish('globex', key.publicJwk);
    const error = await refusal(newVerifier().verify(server.token('globex', key)));
    expect(error.code).toBe('TOKEN_ISSUER_UNTRUSTED');
    expect(server.requests).toEqual([]);
  });

  it('of any tenant are asked for with tenants: all', async () => {
    server.publish('globex', key.publicJwk);
    const verifier = newVerifier({ tenants: 'all' } as never);
    expect((await verifier.verify(server.token('globex', key))).tenantId).toBe('globex');
    expect(server.requests).toEqual(['/tenants/globex/jwks.json']);
  });

  it.each(['../acme', 'ACME', 'acme/', 'acme%2f', '', '.', 'a'.repeat(65), 'acme?x', 'acme#', '-acme', 'ácme'])(
    'of a tenant id like %j are not asked for even with tenants: all',
    async (tenantId) => {
      const verifier = newVerifier({ tenants: 'all' } as never);
      const error = await refusal(verifier.verify(server.token(tenantId, key)));
      expect(error.code).toBe('TOKEN_ISSUER_UNTRUSTED');
      expect(server.requests).toEqual([]);
    },
  );
});

describe('an unknown kid', () => {
  it('causes one refetch, which finds a key published since', async () => {
    const verifier = newVerifier();
    await verifier.verify(server.token('acme', key));
    const next = newEcKey('k-2');
    server.publish('acme', key.publicJwk, next.publicJwk);
    expect((await verifier.verify(server.token('acme', next))).keyId).toBe('k-2');
    expect(server.keyRequests('acme')).toBe(2);
  });

  it('causes no more than one refetch per cool-down, however many unknown kids arrive', async () => {
    const verifier = newVerifier();
    await verifier.verify(server.token('acme', key));
    const random = async (n: number): Promise<void> => {
      const errors = await Promise.all(
        Array.from({ length: 30 }, (_, i) => refusal(verifier.verify(server.token('acme', newEcKey(`r-${n}-${i}`))))),
      );
      for (const { code } of errors) expect(code).toBe('TOKEN_KEY_UNKNOWN');
    };
    await random(1);
    await random(2);
    expect(server.keyRequests('acme')).toBe(2);
    clock.advanceSeconds(29);
    await random(3);
    expect(server.keyRequests('acme')).toBe(2);
    clock.advanceSeconds(1);
    await random(4);
    expect(server.keyRequests('acme')).toBe(3);
  });

  it('that the first fetch did not find causes no second fetch', async () => {
    expect((await refusal(newVerifier().verify(server.token('acme', newEcKey('other'))))).code).toBe(
      'TOKEN_KEY_UNKNOWN',
    );
    expect(server.keyRequests('acme')).toBe(1);
  });

  it('is `unavailable` while Tessera does not answer; known keys still verify', async () => {
    const verifier = newVerifier();
    await verifier.verify(server.token('acme', key));
    server.onKeys('acme', json({}, 500));
    const error = await refusal(verifier.verify(server.token('acme', newEcKey('k-2'))));
    expect(error).toMatchObject({ code: 'KEYS_UNAVAILABLE', verdict: 'unavailable', retryAfterSeconds: 1 });
    expect(await verifier.verify(server.token('acme', key))).toBeDefined();
  });
});

describe('a tenant that does not exist', () => {
  it('is an untrusted issuer, remembered for the cool-down', async () => {
    const verifier = newVerifier({ tenants: 'all' } as never);
    for (let i = 0; i < 5; i++)
      expect((await refusal(verifier.verify(server.token('ghost', key)))).code).toBe('TOKEN_ISSUER_UNTRUSTED');
    expect(server.keyRequests('ghost')).toBe(1);
    server.publish('ghost', key.publicJwk);
    clock.advanceSeconds(30);
    expect((await verifier.verify(server.token('ghost', key))).tenantId).toBe('ghost');
  });

  it('loses its keys when it is removed', async () => {
    const verifier = newVerifier();
    await verifier.verify(server.token('acme', key));
    server.onKeys('acme', json({}, 404));
    clock.advanceSeconds(301);
    await verifier.verify(server.token('acme', key));
    await refetched(2);
    expect((await refusal(verifier.verify(server.token('acme', key)))).code).toBe('TOKEN_ISSUER_UNTRUSTED');
  });
});

describe('while Tessera is down', () => {
  it('a cold verifier tries again after 1 s, 2 s, 4 s … and never later than the cool-down', async () => {
    server.onKeys('acme', json({}, 500));
    const verifier = newVerifier();
    let tries = 0;
    for (const pause of [1, 2, 4, 8, 16, 30, 30]) {
      const error = await refusal(verifier.verify(server.token('acme', key)));
      expect(error).toMatchObject({ code: 'KEYS_UNAVAILABLE', retryAfterSeconds: pause });
      expect(server.keyRequests('acme')).toBe(++tries);
      clock.advanceSeconds(pause - 0.1);
      expect((await refusal(verifier.verify(server.token('acme', key)))).code).toBe('KEYS_UNAVAILABLE');
      expect(server.keyRequests('acme')).toBe(tries);
      clock.advanceSeconds(0.1);
    }
    server.publish('acme', key.publicJwk);
    expect(await verifier.verify(server.token('acme', key))).toBeDefined();
  });

  it('the last set is used until it is stale, and is refetched in the background', async () => {
    const verifier = newVerifier({ keys: { maxAgeSeconds: 10, staleSeconds: 100 } });
    await verifier.verify(server.token('acme', key));
    clock.advanceSeconds(11);
    await verifier.verify(server.token('acme', key));
    await refetched(2);
    server.onKeys('acme', json({}, 503));
    clock.advanceSeconds(100);
    await verifier.verify(server.token('acme', key));
    await refetched(3);
    clock.advanceSeconds(1);
    expect((await refusal(verifier.verify(server.token('acme', key)))).code).toBe('KEYS_UNAVAILABLE');
    server.publish('acme', key.publicJwk);
    clock.advanceSeconds(2);
    expect(await verifier.verify(server.token('acme', key))).toBeDefined();
  });

  it('a refused connection is `unavailable`', async () => {
    const verifier = newVerifier();
    const token = server.token('acme', key);
    await server.stop();
    expect((await refusal(verifier.verify(token))).code).toBe('KEYS_UNAVAILABLE');
  });

  it.each([
    ['never answers', () => undefined],
    [
      'sends its body too slowly',
      (response: ServerResponse) => {
        response.writeHead(200).write('{"keys":[');
      },
    ],
  ])('verification stops waiting at the deadline for a server that %s', async (_, answer) => {
    server.onKeys('acme', (__, response) => {
      answer(response);
    });
    const stopwatch = startStopwatch();
    const error = await refusal(newVerifier({ keys: { timeoutMilliseconds: 200 } }).verify(server.token('acme', key)));
    expect(error.code).toBe('KEYS_UNAVAILABLE');
    // Well below the default.
    expect(stopwatch.stop()).toBeLessThan(1_500);
  });

  it('close aborts the fetch in flight', async () => {
    server.onKeys('acme', () => undefined);
    const verifier = newVerifier({ keys: { timeoutMilliseconds: 60_000 } });
    const pending = refusal(verifier.verify(server.token('acme', key)));
    await eventually('the request', () => server.keyRequests('acme') === 1);
    verifier.close();
    expect((await pending).code).toBe('KEYS_UNAVAILABLE');
  });
});

describe('a key set is refused whole', () => {
  const other = newEcKey('k-9');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const privateJwk = { ...privateKey.export({ format: 'jwk' }), kid: 'p', alg: 'ES256' };

  it.each<[string, (response: ServerResponse, good: string) => void]>([
    ['when it redirects', (response) => response.writeHead(302, { location: '/elsewhere' }).end()],
    ['over 256 KiB', (response, good) => response.end(`${' '.repeat(256 * 1_024)}${good}`)],
    [
      'over 100 keys',
      (response) =>
        response.end(
          JSON.stringify({ keys: Array.from({ length: 101 }, (_, i) => ({ ...other.publicJwk, kid: `k-${i}` })) }),
        ),
    ],
    [
      'with the same kid twice',
      (response) => response.end(JSON.stringify({ keys: [other.publicJwk, { ...other.publicJwk }] })),
    ],
    ['with a private key', (response) => response.end(JSON.stringify({ keys: [other.publicJwk, privateJwk] }))],
    [
      'with a symmetric key',
      (response) => response.end(JSON.stringify({ keys: [other.publicJwk, { kty: 'oct', k: 'AAAA', kid: 'o' }] })),
    ],
    ['as HTML', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')],
    ['with a duplicate member name', (response, good) => response.end(replaceOnce(good, '{', '{"keys":[],'))],
    ['with a BOM', (response, good) => response.end(`\ufeff${good}`)],
    ['without keys', (response) => response.end('{}')],
    ['as an array', (response) => response.end('[]')],
    ['with keys that are not a list', (response) => response.end('{"keys":{}}')],
    ['when it is empty', (response) => response.writeHead(204).end()],
    ['with another status', (response, good) => response.writeHead(206).end(good)],
    ['when the body breaks off', (response, good) => response.writeHead(200, { 'content-length': '9999' }).end(good)],
  ])('%s; the last good set stays', async (_, answer) => {
    const verifier = newVerifier();
    await verifier.verify(server.token('acme', key));
    server.onKeys('acme', (__, response) => {
      answer(response, JSON.stringify({ keys: [other.publicJwk] }));
    });
    expect((await refusal(verifier.verify(server.token('acme', other)))).code).toBe('KEYS_UNAVAILABLE');
    expect(await verifier.verify(server.token('acme', key))).toBeDefined();
    expect(server.requests).not.toContain('/elsewhere');

    const cold = newVerifier();
    expect((await refusal(cold.verify(server.token('acme', other)))).code).toBe('KEYS_UNAVAILABLE');
  });
});

describe('first fetches', () => {
  it('of unknown tenants are limited to 20 a second; tenants whose keys are in memory are not affected', async () => {
    const verifier = newVerifier({ tenants: 'all' } as never);
    await verifier.verify(server.token('acme', key));
    clock.advanceSeconds(1);
    const errors = await Promise.all(
      Array.from({ length: 60 }, (_, i) => refusal(verifier.verify(server.token(`ghost-${i}`, key)))),
    );
    expect(errors.filter(({ code }) => code === 'TOKEN_ISSUER_UNTRUSTED')).toHaveLength(20);
    expect(errors.filter(({ code }) => code === 'KEYS_UNAVAILABLE')).toHaveLength(40);
    expect(server.requests).toHaveLength(21);
    expect(await verifier.verify(server.token('acme', key))).toBeDefined();
    clock.advanceSeconds(1);
    expect((await refusal(verifier.verify(server.token('ghost-50', key)))).code).toBe('TOKEN_ISSUER_UNTRUSTED');
  });

  it('of invented tenants evict no real tenant', async () => {
    const verifier = newVerifier({ tenants: 'all', keys: { maxIssuers: 2 } } as never);
    await verifier.verify(server.token('acme', key));
    for (let i = 0; i < 10; i++) await refusal(verifier.verify(server.token(`ghost-${i}`, key)));
    await verifier.verify(server.token('acme', key));
    expect(server.keyRequests('acme')).toBe(1);
  });

  it('are made again for the tenant that was used least recently', async () => {
    const verifier = newVerifier({ tenants: 'all', keys: { maxIssuers: 2 } } as never);
    for (const tenantId of ['acme', 'globex', 'initech']) server.publish(tenantId, key.publicJwk);
    for (const tenantId of ['acme', 'globex', 'acme', 'initech', 'acme', 'globex'])
      await verifier.verify(server.token(tenantId, key));
    expect(server.keyRequests('acme')).toBe(1);
    expect(server.keyRequests('globex')).toBe(2);
  });
});

describe('hydrate', () => {
  it('fetches all listed sets before the first token', async () => {
    server.publish('globex', key.publicJwk);
    const verifier = newVerifier({ tenants: ['acme', 'globex'] });
    await verifier.hydrate();
    expect([...server.requests].sort()).toEqual(['/tenants/acme/jwks.json', '/tenants/globex/jwks.json']);
    await verifier.verify(server.token('globex', key));
    expect(server.requests).toHaveLength(2);
  });

  it('rejects with the code of the failure', async () => {
    expect((await refusal(newVerifier({ tenants: ['ghost'] }).hydrate())).code).toBe('TOKEN_ISSUER_UNTRUSTED');
    server.onKeys('acme', json({}, 500));
    expect((await refusal(newVerifier().hydrate())).code).toBe('KEYS_UNAVAILABLE');
  });
});
