import { eventually } from '../../libs/token/test/eventually.ts';
import { foreignKey } from '../../test/support/foreign-issuer.ts';
import {
  HOSTILE_ANSWERS,
  type HostileProvider,
  sendJson,
  startHostileProvider,
} from '../../test/support/hostile-provider.ts';
import { refusalOf } from '../../test/support/refusal.ts';
import { collectingLog, ManualClock } from '../../test/support/storage.ts';
import { Egress, resolveBySystem } from './egress.ts';
import { MAX_AGE_MS, REFRESH_AFTER_MS, SEARCH_COOLDOWN_MS, STALE_MS } from './remote-key-set.ts';
import { MAX_ISSUERS, RemoteKeySets } from './remote-key-sets.ts';

const DEADLINE_MS = 200;
const FIRST = foreignKey('first');
const SECOND = foreignKey('second');
const PRIVATE = FIRST.privateKey.export({ format: 'jwk' });

let provider: HostileProvider;
let clock: ManualClock;
let sets: RemoteKeySets;
let lines: string[];

beforeEach(async () => {
  provider = await startHostileProvider();
  provider.keys = [FIRST.jwk];
  clock = new ManualClock();
  const collected = collectingLog();
  lines = collected.lines;
  sets = newSets(collected.log);
});
afterEach(() => provider.close());

function newSets(log = collectingLog().log): RemoteKeySets {
  const egress = new Egress({
    allowedHosts: [provider.hostPort],
    resolve: resolveBySystem,
    certificateAuthorities: undefined,
  });
  return new RemoteKeySets({ egress, clock, log, deadlineMs: DEADLINE_MS });
}

const find = (kid: string | undefined = 'first', jwksUri: string | undefined = provider.jwksUri) =>
  sets.find({ issuer: provider.issuer, jwksUri }, 'ES256', kid);
const findByDiscovery = (kid = 'first') => sets.find({ issuer: provider.issuer, jwksUri: undefined }, 'ES256', kid);
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

describe('a warm set', () => {
  it('is fetched once for many who ask at once, and serves without a fetch', async () => {
    const found = await Promise.all(Array.from({ length: 50 }, () => find()));
    expect(new Set(found).size).toBe(1);
    expect(found[0]?.kid).toBe('first');
    after(REFRESH_AFTER_MS);
    await find();
    expect([fetches(), provider.connections()]).toEqual([1, 1]);
  });

  it('is fetched again behind the caller once it is old, by one for all', async () => {
    await find();
    after(REFRESH_AFTER_MS + 1_000);
    provider.keys = [SECOND.jwk];
    // They still get what is in memory.
    await Promise.all([find(), find(), find()]);
    await eventually('the refetch', () => fetches() === 2);
    await eventually('the new key', async () => (await find('second').catch(() => undefined)) !== undefined);
    expect(fetches()).toBe(2);
    after(SEARCH_COOLDOWN_MS);
    await expectUnknown(find('first'));
  });

  it('that is too old to believe is not served while the issuer answers', async () => {
    await find();
    after(MAX_AGE_MS + 1_000);
    provider.keys = [SECOND.jwk];
    await expectUnknown(find('first'));
    expect(fetches()).toBe(2);
  });

  it('belongs to one place of the keys: trusts that disagree about it share nothing', async () => {
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

  it('causes no second fetch within the cool-down, whatever kids come', async () => {
    await find();
    for (let index = 0; index < 20; index++) await expectUnknown(find(`random-${index}`));
    expect(fetches()).toBe(2);
    after(SEARCH_COOLDOWN_MS - 1_000);
    await expectUnknown(find('random'));
    expect(fetches()).toBe(2);
    after(1_000);
    await Promise.all(Array.from({ length: 20 }, (_, index) => expectUnknown(find(`more-${index}`))));
    expect(fetches()).toBe(3);
  });

  it('causes no second fetch when the set has just come', async () => {
    await expectUnknown(find('random'));
    expect(fetches()).toBe(1);
  });

  it('cannot be judged while the issuer is down, and causes no storm', async () => {
    await find();
    await provider.stop();
    await expectUnavailable(find('second'), 'keys: no usable answer');
    for (let index = 0; index < 20; index++) await expectUnavailable(find(`random-${index}`), 'keys: no usable answer');
    // The known ones go on.
    expect((await find()).kid).toBe('first');
    await provider.start();
    provider.keys = [FIRST.jwk, SECOND.jwk];
    after(SEARCH_COOLDOWN_MS);
    expect((await find('second')).kid).toBe('second');
  });

  it('of a known key with another algorithm, or none at all, causes no fetch', async () => {
    provider.keys = [FIRST.jwk, SECOND.jwk];
    await find();
    await expectUnknown(sets.find({ issuer: provider.issuer, jwksUri: provider.jwksUri }, 'RS256', 'first'));
    await expectUnknown(sets.find({ issuer: provider.issuer, jwksUri: provider.jwksUri }, 'ES256', undefined));
    expect(fetches()).toBe(1);
  });
});

describe('an issuer that is down', () => {
  it('has its last good set served for an hour, and no longer', async () => {
    await find();
    await provider.stop();
    after(STALE_MS);
    expect((await find()).kid).toBe('first');
    after(1_000);
    await eventually('the keys are stale', async () => (await find().catch(() => undefined)) === undefined);
    const error = await refusalOf(find());
    expect(error.code).toBe('temporarily_unavailable');
  });

  it('keeps nobody waiting who has a set, once it is known to be down', async () => {
    await find();
    provider.onKeys = HOSTILE_ANSWERS['no answer']!.handler;
    after(MAX_AGE_MS + 1_000);
    await find();
    after(60_000);
    const before = performance.now();
    await find();
    expect(performance.now() - before).toBeLessThan(DEADLINE_MS / 2);
  });

  it('is 503 when nothing is known of it, within the deadline, and is asked more rarely, up to every 4 s', async () => {
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

  it('serves again as soon as it answers', async () => {
    await provider.stop();
    await expectUnavailable(find(), 'keys: no usable answer');
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
  it.each(Object.entries(HOSTILE_ANSWERS))('that gives %s for its keys is 503 when cold', async (_, answer) => {
    provider.onKeys = answer.handler;
    await expectUnavailable(find(), `keys: ${answer.reason}`);
    expect(provider.connections()).toBe(1);
  });

  it.each(Object.entries(HOSTILE_ANSWERS))('that gives %s for its discovery is 503 when cold', async (_, answer) => {
    provider.onDiscovery = answer.handler;
    await expectUnavailable(findByDiscovery(), `discovery: ${answer.reason}`);
    expect(provider.connections()).toBe(1);
  });

  it.each([
    ['a private key', () => [FIRST.jwk, PRIVATE], 'keys: the key set holds a private key'],
    ['50,000 keys', () => Array<object>(50_000).fill({}), 'keys: the key set has over 100 keys'],
  ])('that publishes %s is 503 when cold, and its last good set serves on when warm', async (_, keys, reason) => {
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
    ['RSA of 1,024 bits', foreignKey('weak', 'RS256', { bits: 1_024, exponent: 65_537 }).jwk],
    ['RSA with e = 1', { ...foreignKey('weak', 'RS256').jwk, e: 'AQ' }],
  ])('that publishes %s has no such key; the others serve, and it is logged once', async (_, weak) => {
    provider.keys = [weak, FIRST.jwk];
    await find();
    await expectUnknown(sets.find({ issuer: provider.issuer, jwksUri: provider.jwksUri }, 'RS256', 'weak'));
    after(MAX_AGE_MS + 1_000);
    await find();
    expect(events()).toEqual(['identity_provider_keys_skipped']);
  });

  it('that is slow in both answers costs one deadline, not two', async () => {
    const slowly =
      (value: object): HostileProvider['onKeys'] =>
      (_request, response) => {
        setTimeout(() => {
          sendJson(response, value);
        }, DEADLINE_MS * 0.7);
      };
    provider.onDiscovery = slowly({ issuer: provider.issuer, jwks_uri: provider.jwksUri });
    provider.onKeys = slowly({ keys: [FIRST.jwk] });
    const before = performance.now();
    await expectUnavailable(findByDiscovery(), 'keys: no answer in time');
    expect(performance.now() - before).toBeLessThan(DEADLINE_MS * 1.5);
  });
});

describe('discovery', () => {
  it('says where the keys are, and is asked again only when they cannot be had', async () => {
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

  it('is not asked when the trust says where the keys are', async () => {
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
  ])('that names %s is refused, and goes no further', async (_, document, reason) => {
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

it('forgets the issuer that was not asked for longest when there are too many', async () => {
  await find();
  const others = Array.from({ length: MAX_ISSUERS }, (_, index) =>
    refusalOf(sets.find({ issuer: `https://127.0.0.1/${index}`, jwksUri: undefined }, 'ES256', 'first')),
  );
  await Promise.all(others);
  await find();
  expect(fetches()).toBe(2);
});
