import { eventually } from '../../../libs/token/test/eventually.ts';
import { providerKey } from '../../testing/provider-tokens.ts';
import {
  HOSTILE_ANSWERS,
  type HostileProvider,
  sendJson,
  startHostileProvider,
} from '../../testing/hostile-provider.ts';
import { refusalOf } from '../../testing/refusal.ts';
import { collectingLog, ManualClock } from '../../testing/storage.ts';
import { Egress } from '../egress/egress.ts';
import { OutboundNetwork } from '../egress/outbound-network.ts';
import type { SubjectTokenAlgorithm } from '../subject-token-algorithm.ts';
import type { KeySource } from './fetch-key-set.ts';
import type { ProviderKey } from './provider-key-set.ts';
import { SEARCH_COOLDOWN_MS, SHARED_SEARCHES } from './key-search-budget.ts';
import { type KeyQuestion, MAX_AGE_MS, REFRESH_AFTER_MS, STALE_MS } from './remote-key-set.ts';
import { MIN_ISSUERS, RemoteKeySets } from './remote-key-sets.ts';

/** For an issuer that answers: longer than a test may take. */
const LONG_MS = 600_000;
/** For one that does not. */
const SHORT_MS = 1_000;
const FIRST = providerKey('first');
const SECOND = providerKey('second');
const PRIVATE = FIRST.privateKey.export({ format: 'jwk' });

class TimedKeySets extends RemoteKeySets {
  protected override readonly deadlineMs = deadlineMs;
}

/** Of the next `newSets`. */
let deadlineMs: number;

let provider: HostileProvider;
let clock: ManualClock;
let sets: RemoteKeySets;
let lines: string[];

beforeEach(async () => {
  deadlineMs = LONG_MS;
  provider = await startHostileProvider();
  provider.keys = [FIRST.jwk];
  clock = new ManualClock();
  const collected = collectingLog();
  lines = collected.lines;
  sets = newSets(collected.log);
});
afterEach(() => {
  sets.onApplicationShutdown();
  return provider.close();
});

function newSets(log = collectingLog().log, tenants = 1): RemoteKeySets {
  const egress = new Egress(
    { federationAllowedHosts: [provider.hostPort], federationPrivateHosts: [], federationProxy: undefined },
    new OutboundNetwork(),
  );
  return new TimedKeySets(egress, clock, log, { caches: { tenants } });
}

interface Asked {
  readonly kid?: string | undefined;
  readonly algorithm?: SubjectTokenAlgorithm;
  readonly account?: string;
  /** The signed text. Default: another token for each question. */
  readonly token?: string;
}
let asked = 0;
const questionOf = (question: Asked): KeyQuestion => {
  const { account = 'acme/corp', algorithm = 'ES256', token = `token-${++asked}` } = question;
  return { account, token: { algorithm, kid: 'kid' in question ? question.kid : 'first', signingInput: token } };
};
const sourceAt = (jwksUri: string | undefined): KeySource => ({ issuer: provider.issuer, jwksUri, keyUse: undefined });
const ask = async (question: Asked, source = sourceAt(provider.jwksUri)) =>
  (await sets.find(source, questionOf(question))).key;
const find = (kid = 'first', jwksUri = provider.jwksUri) => ask({ kid }, sourceAt(jwksUri));
const findByDiscovery = (kid = 'first') => ask({ kid }, sourceAt(undefined));
const fetches = () => provider.requests.filter((path) => path === '/keys').length;
const after = (ms: number) => {
  clock.advance(ms);
};
const events = () => lines.map((line) => (JSON.parse(line) as { event: string }).event);

async function expectUnknown(work: Promise<unknown>): Promise<void> {
  const error = await refusalOf(work);
  expect([error.code, error.reason]).toEqual([
    'unauthorized',
    'the issuer has no usable key of this kid and algorithm',
  ]);
}
async function expectUnavailable(work: Promise<unknown>, reason: string, retryAfterSeconds = 1): Promise<void> {
  const error = await refusalOf(work);
  expect([error.code, error.reason]).toEqual(['temporarily_unavailable', `identity provider: ${reason}`]);
  expect(error.retryAfterSeconds).toBe(retryAfterSeconds);
}
/** Expects the answer "unknown now" with the time until the planned fetch. */
const expectWait = (work: Promise<unknown>, seconds: number) =>
  expectUnavailable(work, 'its keys are to be fetched for this kid', seconds);

describe('a warm set', () => {
  it('is fetched once for concurrent callers, and then used without a fetch', async () => {
    const found = await Promise.all(Array.from({ length: 50 }, () => find()));
    expect(new Set(found).size).toBe(1);
    expect(found[0]?.kid).toBe('first');
    after(REFRESH_AFTER_MS);
    await find();
    expect([fetches(), provider.connections()]).toEqual([1, 1]);
  });

  it('is fetched again in the background once it is old, once for all callers', async () => {
    await find();
    after(REFRESH_AFTER_MS + 1_000);
    provider.keys = [SECOND.jwk];
    // They still get the cached set.
    await Promise.all([find(), find(), find()]);
    await eventually('the refetch', () => fetches() === 2);
    await eventually('the new key', async () => (await find('second').catch(() => undefined)) !== undefined);
    expect(fetches()).toBe(2);
    after(SEARCH_COOLDOWN_MS);
    await expectUnknown(find('first'));
  });

  it('beyond the maximum age is not used while the issuer answers', async () => {
    await find();
    after(MAX_AGE_MS + 1_000);
    provider.keys = [SECOND.jwk];
    await expectUnknown(find('first'));
    expect(fetches()).toBe(2);
  });

  it('is not shared by trusted issuers with different key URLs', async () => {
    await find();
    const other = `${provider.jwksUri}?p=2`;
    await refusalOf(find('first', other));
    expect(provider.requests).toEqual(['/keys', '/keys?p=2']);
  });
});

describe('an unknown kid', () => {
  it('causes one fetch, so that a new key is found at once', async () => {
    await find();
    provider.keys = [FIRST.jwk, SECOND.jwk];
    const [one, two] = await Promise.all([find('second'), find('second')]);
    expect([one.kid, two.kid]).toEqual(['second', 'second']);
    expect(fetches()).toBe(2);
  });

  it('causes no second fetch within the cooldown, whatever kids come: later callers learn when to retry', async () => {
    await find();
    await expectUnknown(find('random'));
    for (let index = 0; index < 20; index++) await expectWait(find(`random-${index}`), 30);
    expect(fetches()).toBe(2);
    after(SEARCH_COOLDOWN_MS - 1_000);
    await expectWait(find('random'), 1);
    expect(fetches()).toBe(2);
    after(1_000);
    await Promise.all(Array.from({ length: 20 }, (_, index) => expectUnknown(find(`more-${index}`))));
    expect(fetches()).toBe(3);
  });

  it('causes no second fetch if the set was just fetched', async () => {
    await expectUnknown(find('random'));
    expect(fetches()).toBe(1);
  });

  it('that exists is not refused after an invented one, and is found at the end of the cooldown', async () => {
    await find();
    await expectUnknown(find('invented'));
    provider.keys = [FIRST.jwk, SECOND.jwk];
    after(10_000);
    await expectWait(find('second'), 20);
    after(20_000);
    expect((await find('second')).kid).toBe('second');
    expect(fetches()).toBe(3);
  });

  it('causes one fetch at the end of the cooldown, without another question', async () => {
    await find();
    await expectUnknown(find('invented'));
    provider.keys = [FIRST.jwk, SECOND.jwk];
    after(SEARCH_COOLDOWN_MS - 100);
    await Promise.all([expectWait(find('second'), 1), expectWait(find('third'), 1)]);
    after(100);
    await eventually('the planned fetch', () => fetches() === 3);
    await eventually('the new key', async () => (await find('second').catch(() => undefined)) !== undefined);
    expect(fetches()).toBe(3);
  });

  it('causes no fetch before the planned time, even if the timer has fired', async () => {
    await find();
    await expectUnknown(find('invented'));
    after(SEARCH_COOLDOWN_MS - 20);
    await expectWait(find('second'), 1);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(fetches()).toBe(2);
    after(20);
    await eventually('the planned fetch', () => fetches() === 3);
  });

  it('causes no fetch once it was found, or after shutdown', async () => {
    await find();
    await expectUnknown(find('invented'));
    after(SEARCH_COOLDOWN_MS - 50);
    await expectWait(find('second'), 1);
    sets.onApplicationShutdown();
    after(50);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(fetches()).toBe(2);
  });

  it('of a token that came before the last fetch is refused: no caller has to wait forever', async () => {
    await find();
    await expectUnknown(find('invented'));
    const token = 'one that comes again';
    await expectWait(ask({ kid: 'second', token }), 30);
    after(SEARCH_COOLDOWN_MS);
    await expectUnknown(find('another'));
    await expectUnknown(ask({ kid: 'second', token }));
    // For a new token, the same kid may be a new key.
    await expectWait(ask({ kid: 'second' }), 30);
    expect(fetches()).toBe(3);
  });

  it('that the issuer has withdrawn is refused', async () => {
    await find();
    provider.keys = [SECOND.jwk];
    await find('second');
    await expectUnknown(find('first'));
    expect(fetches()).toBe(2);
  });

  it('in one tenant uses up no search of another, and a found key is found for all', async () => {
    await find();
    await expectUnknown(find('invented'));
    await expectWait(find('invented-too'), 30);
    provider.keys = [FIRST.jwk, SECOND.jwk];
    expect((await ask({ kid: 'second', account: 'globex/corp' })).kid).toBe('second');
    expect((await find('second')).kid).toBe('second');
    expect(fetches()).toBe(3);
  });

  it('in very many tenants causes no more fetches than the shared limit', async () => {
    await find();
    const junk = (tenant: number) => ask({ kid: 'invented', account: `tenant-${tenant}/corp` });
    for (let tenant = 0; tenant < SHARED_SEARCHES; tenant++) await expectUnknown(junk(tenant));
    for (let tenant = SHARED_SEARCHES; tenant < 20; tenant++) await expectWait(junk(tenant), 30);
    expect(fetches()).toBe(1 + SHARED_SEARCHES);
    after(SEARCH_COOLDOWN_MS);
    await expectUnknown(junk(19));
    expect(fetches()).toBe(2 + SHARED_SEARCHES);
  });

  it('is recorded for the first callers that wait, and not for a flood of them', async () => {
    await find();
    await expectUnknown(find('invented'));
    const errors = await Promise.all(Array.from({ length: 50 }, (_, index) => refusalOf(find(`random-${index}`))));
    expect(errors.filter(({ isRecorded }) => isRecorded)).toHaveLength(20);
  });

  it('is not refused while the issuer is down, and causes no storm of fetches', async () => {
    await find();
    await provider.stop();
    await expectUnavailable(find('second'), 'keys: it refuses the connection');
    for (let index = 0; index < 20; index++)
      await expectUnavailable(find(`random-${index}`), 'keys: it refuses the connection');
    // Known keys are still found.
    expect((await find()).kid).toBe('first');
    await provider.start();
    provider.keys = [FIRST.jwk, SECOND.jwk];
    // Not the cooldown, but the pause after a failed fetch.
    after(1_000);
    expect((await find('second')).kid).toBe('second');
  });

  it('of a known key with another algorithm, or no kid, causes no fetch', async () => {
    provider.keys = [FIRST.jwk, SECOND.jwk];
    await find();
    await expectUnknown(ask({ algorithm: 'RS256' }));
    await expectUnknown(ask({ kid: undefined }));
    expect(fetches()).toBe(1);
  });

  it.each([
    ['a known key with another algorithm', 'first'],
    ['no key, as tokens of issuers with one key do,', undefined],
  ])('of %s is found within the cooldown if the issuer changed its algorithm', async (_what, kid) => {
    const changed = providerKey('first', 'RS256');
    await find();
    provider.keys = [changed.jwk];
    const timers = import.meta.jest.spyOn(globalThis, 'setTimeout');
    await expectUnknown(ask({ kid, algorithm: 'RS256' }));
    const [planned] = timers.mock.calls.filter(([, ms]) => ms === SEARCH_COOLDOWN_MS);
    timers.mockRestore();
    expect(fetches()).toBe(1);
    after(SEARCH_COOLDOWN_MS);
    planned?.[0]();
    await eventually('the planned fetch', () => fetches() === 2);
    const found = () => ask({ kid, algorithm: 'RS256' }).catch(() => undefined);
    await eventually('the new key', async () => (await found()) !== undefined);
  });
});

describe('a key that does not verify a signature', () => {
  const again = async (question: Asked = {}) => {
    const asking = questionOf(question);
    const { key } = await sets.find(sourceAt(provider.jwksUri), asking);
    return sets.findAgain(sourceAt(provider.jwksUri), asking, key);
  };
  const renewed = providerKey('first');
  const isRenewed = (key: ProviderKey | undefined) => key?.publicKey.export({ format: 'jwk' }).x === renewed.jwk['x'];

  it('is fetched once more: the issuer may have another key with this kid', async () => {
    await find();
    provider.keys = [renewed.jwk];
    const found = await Promise.all([again(), again(), again()]);
    expect(found.map(isRenewed)).toEqual([true, true, true]);
    expect(fetches()).toBe(2);
  });

  it('is fetched at the end of the cooldown, if it is not allowed before', async () => {
    await find();
    await expectUnknown(find('invented'));
    provider.keys = [renewed.jwk];
    after(SEARCH_COOLDOWN_MS - 100);
    expect(await again()).toBeUndefined();
    expect(fetches()).toBe(2);
    after(100);
    await eventually('the planned fetch', () => fetches() === 3);
    await eventually('the key', async () => isRenewed(await ask({})));
    expect(fetches()).toBe(3);
  });

  it('causes no second fetch within the cooldown, and none for a token that was answered', async () => {
    await find();
    for (let index = 0; index < 20; index++) expect(await again({ token: 'forged' })).toBeUndefined();
    expect(fetches()).toBe(2);
  });

  it('stays the same while the issuer is down', async () => {
    await find();
    await provider.stop();
    expect(await again()).toBeUndefined();
  });

  it('is known to be current if it was just fetched', async () => {
    expect((await sets.find(sourceAt(provider.jwksUri), questionOf({}))).isFresh).toBe(true);
    expect((await sets.find(sourceAt(provider.jwksUri), questionOf({}))).isFresh).toBe(false);
  });
});

describe('an issuer that is down', () => {
  it('has its last good set used for an hour, and no longer', async () => {
    await find();
    await provider.stop();
    after(STALE_MS);
    expect((await find()).kid).toBe('first');
    after(1_000);
    await eventually('the keys are stale', async () => (await find().catch(() => undefined)) === undefined);
    const error = await refusalOf(find());
    expect(error.code).toBe('temporarily_unavailable');
  });

  it('delays no caller with a set, once it is known to be down', async () => {
    await find();
    await provider.stop();
    after(MAX_AGE_MS + 1_000);
    await find();
    await provider.start();
    provider.onKeys = HOSTILE_ANSWERS['no answer']!.handler;
    after(60_000);
    // A caller that waited for the answer would wait for longer than a test may take.
    expect((await find()).kid).toBe('first');
    await eventually('it is asked', () => fetches() === 2);
  });

  it('is 503 without a set, within the deadline, and is asked less often, up to every 4 s', async () => {
    provider.onKeys = HOSTILE_ANSWERS['an error status']!.handler;
    await Promise.all(Array.from({ length: 20 }, () => expectUnavailable(find(), 'keys: an error status')));
    expect(fetches()).toBe(1);
    let expected = 1;
    for (const pause of [1, 2, 4, 4, 4]) {
      after(pause * 1_000 - 100);
      await expectUnavailable(find(), 'keys: an error status', 1);
      expect(fetches()).toBe(expected);
      after(100);
      await expectUnavailable(find(), 'keys: an error status', Math.min(pause * 2, 4));
      expected += 1;
      expect(fetches()).toBe(expected);
    }
  });

  it('works again as soon as it answers', async () => {
    await provider.stop();
    await expectUnavailable(find(), 'keys: it refuses the connection');
    await provider.start();
    after(1_000);
    expect((await find()).kid).toBe('first');
    expect(events()).toEqual(['identity_provider_keys_unavailable', 'identity_provider_keys_recovered']);
  });

  it('is logged once, without what it sent', async () => {
    provider.onKeys = (_request, response) => {
      sendJson(response, { keys: [PRIVATE], note: 'MARKED' });
    };
    for (let index = 0; index < 3; index++) {
      await refusalOf(find());
      after(60_000);
    }
    expect(events()).toEqual(['identity_provider_keys_unavailable']);
    expect(lines[0]).toContain('keys: the key set holds a private key');
    expect(lines[0]).not.toContain('MARKED');
    expect(lines[0]).not.toContain(PRIVATE.d!);
  });
});

describe('a hostile issuer', () => {
  const limitFor = (reason: string) => {
    if (reason !== 'no answer in time') return;
    deadlineMs = SHORT_MS;
    sets = newSets();
  };

  it.each(Object.entries(HOSTILE_ANSWERS))('that gives %s for its keys is 503 when cold', async (_, answer) => {
    limitFor(answer.reason);
    provider.onKeys = answer.handler;
    await expectUnavailable(find(), `keys: ${answer.reason}`);
    expect(provider.connections()).toBe(1);
  });

  it.each(Object.entries(HOSTILE_ANSWERS))('that gives %s for its discovery is 503 when cold', async (_, answer) => {
    limitFor(answer.reason);
    provider.onDiscovery = answer.handler;
    await expectUnavailable(findByDiscovery(), `discovery: ${answer.reason}`);
    expect(provider.connections()).toBe(1);
  });

  it.each([
    ['a private key', () => [FIRST.jwk, PRIVATE], 'keys: the key set holds a private key'],
    ['50,000 keys', () => Array<object>(50_000).fill({}), 'keys: the key set has over 100 keys'],
  ])('that publishes %s is 503 when cold, and its last good set stays in use when warm', async (_, keys, reason) => {
    provider.keys = keys();
    await expectUnavailable(find(), reason);
    provider.keys = [FIRST.jwk];
    after(1_000);
    await find();
    provider.keys = keys();
    after(MAX_AGE_MS + 1_000);
    expect((await find()).kid).toBe('first');
  });

  it.each([
    ['RSA of 1,024 bits', providerKey('weak', 'RS256', { bits: 1_024, exponent: 65_537 }).jwk],
    ['RSA with e = 1', { ...providerKey('weak', 'RS256').jwk, e: 'AQ' }],
  ])('that publishes %s has no such key; the others are used, and it is logged once', async (_, weak) => {
    provider.keys = [weak, FIRST.jwk];
    await find();
    await expectUnknown(ask({ kid: 'weak', algorithm: 'RS256' }));
    after(MAX_AGE_MS + 1_000);
    await find();
    expect(events()).toEqual(['identity_provider_keys_skipped']);
  });

  it('that is slow in both answers costs one deadline, not two', async () => {
    deadlineMs = 2_000;
    sets = newSets();
    const slowly =
      (value: object, ms: number): HostileProvider['onKeys'] =>
      (_request, response) => {
        setTimeout(() => {
          sendJson(response, value);
        }, ms);
      };
    // Both are late together. Each would be in time, with a deadline of its own.
    provider.onDiscovery = slowly({ issuer: provider.issuer, jwks_uri: provider.jwksUri }, 300);
    provider.onKeys = slowly({ keys: [FIRST.jwk] }, 1_800);
    await expectUnavailable(findByDiscovery(), 'keys: no answer in time');
  });
});

describe('discovery', () => {
  it('gives the URL of the keys, and is repeated only if they cannot be fetched', async () => {
    await findByDiscovery();
    after(MAX_AGE_MS + 1_000);
    await findByDiscovery();
    const discovery = '/.well-known/openid-configuration';
    expect(provider.requests).toEqual([discovery, '/keys', '/keys']);
    provider.onKeys = HOSTILE_ANSWERS['an error status']!.handler;
    after(MAX_AGE_MS + 1_000);
    await findByDiscovery();
    after(1_000);
    await findByDiscovery();
    await eventually('both documents are asked for again', () => provider.requests.length === 6);
    expect(provider.requests.slice(3)).toEqual(['/keys', discovery, '/keys']);
  });

  it('is not used if the trusted issuer has a configured key URL', async () => {
    await find();
    expect(provider.requests).toEqual(['/keys']);
  });

  it.each([
    [
      'another issuer',
      (own: string) => ({ issuer: `${own}/other`, jwks_uri: `${own}/keys` }),
      'it names another issuer',
    ],
    [
      'its issuer with a slash',
      (own: string) => ({ issuer: `${own}/`, jwks_uri: `${own}/keys` }),
      'it names another issuer',
    ],
    ['no issuer', (own: string) => ({ jwks_uri: `${own}/keys` }), 'it names another issuer'],
    ['no keys', (own: string) => ({ issuer: own }), 'it names no keys'],
    ['a list of keys', (own: string) => ({ issuer: own, jwks_uri: [`${own}/keys`] }), 'it names no keys'],
    [
      'keys at the metadata service',
      (own: string) => ({ issuer: own, jwks_uri: 'http://169.254.169.254/keys' }),
      'the URL of its keys may not be fetched',
    ],
    [
      'keys at another loopback port',
      (own: string) => ({ issuer: own, jwks_uri: 'http://127.0.0.1:1/keys' }),
      'the URL of its keys may not be fetched',
    ],
    [
      'keys in a file',
      (own: string) => ({ issuer: own, jwks_uri: 'file:///etc/passwd' }),
      'the URL of its keys may not be fetched',
    ],
    [
      'keys at another host',
      (own: string) => ({ issuer: own, jwks_uri: 'https://keys.example.com/keys' }),
      'its keys are at another host, which the trust must name as jwks_uri',
    ],
  ])('that names %s is refused, and causes no further fetch', async (_, document, reason) => {
    provider.onDiscovery = (_request, response) => {
      sendJson(response, document(provider.issuer));
    };
    await expectUnavailable(findByDiscovery(), `discovery: ${reason}`);
    expect(provider.requests).toEqual(['/.well-known/openid-configuration']);
  });

  it.each(['[]', 'null', '"x"'])('that is %s is refused', async (text) => {
    provider.onDiscovery = (_request, response) => {
      sendJson(response, JSON.parse(text));
    };
    await expectUnavailable(findByDiscovery(), 'discovery: not a metadata document');
  });
});

it.each([
  [1, MIN_ISSUERS],
  [MIN_ISSUERS + 200, MIN_ISSUERS + 200],
])('with %d tenants in memory, drops the least recently used of more than %d issuers', async (tenants, kept) => {
  sets.onApplicationShutdown();
  sets = newSets(undefined, tenants);
  const askOthers = (count: number, name: string) =>
    Promise.all(
      Array.from({ length: count }, (_, index) =>
        refusalOf(ask({}, { issuer: `https://127.0.0.1/${name}/${index}`, jwksUri: undefined, keyUse: undefined })),
      ),
    );
  await find();
  await askOthers(kept - 1, 'one');
  await find();
  expect(fetches()).toBe(1);
  await askOthers(kept, 'another');
  await find();
  expect(fetches()).toBe(2);
});
