import { ManualClock } from '../testing/storage.ts';
import { type LookUp, SingleFlightCache, type SingleFlightCacheOptions } from './single-flight-cache.ts';

type Value = string | undefined;

/** Answers each read when the test says so. */
class Source {
  readonly readings: {
    readonly promise: Promise<Value>;
    readonly resolve: (value: Value) => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  readonly read = (): Promise<Value> => {
    let settle: Pick<(typeof this.readings)[number], 'resolve' | 'reject'> | undefined;
    const promise = new Promise<Value>((resolve, reject) => {
      settle = { resolve, reject };
    });
    this.readings.push({ promise, ...settle! });
    return promise;
  };

  answer(reading: number, value: Value): void {
    this.readings[reading]!.resolve(value);
  }

  fail(reading: number, error: Error): void {
    this.readings[reading]!.reject(error);
  }
}

const AWAY = new Error('away');

let clock: ManualClock;
let source: Source;
let lookUps: LookUp[];

beforeEach(() => {
  clock = new ManualClock();
  source = new Source();
  lookUps = [];
});

const groupOf = (key: string) => key.slice(0, key.indexOf('/'));

function newCache(options: Partial<SingleFlightCacheOptions<string, Value>> = {}): SingleFlightCache<string, Value> {
  return new SingleFlightCache<string, Value>({
    clock,
    maxAgeMs: 1_000,
    maxEntries: 10,
    absent: { maxEntries: 2, maxAgeMs: 100 },
    groupOf,
    onLookUp: (how) => lookUps.push(how),
    ...options,
  });
}

/** A cache that holds `old` under `a/1`. */
async function filled(
  options: Partial<SingleFlightCacheOptions<string, Value>> = {},
): Promise<SingleFlightCache<string, Value>> {
  const cache = newCache(options);
  const first = cache.get('a/1', source.read);
  source.answer(0, 'old');
  await first;
  return cache;
}

async function ask(cache: SingleFlightCache<string, Value>): Promise<Value> {
  return cache.get('a/1', source.read);
}

it('reads once for concurrent callers, and not for later ones', async () => {
  const cache = newCache();
  const asked = [ask(cache), ask(cache)];
  source.answer(0, 'one');
  expect(await Promise.all(asked)).toEqual(['one', 'one']);
  expect(await cache.get('a/1', source.read)).toBe('one');
  expect(lookUps).toEqual(['read', 'joined', 'kept']);
});

it('counts the age from before the read, also for callers that would join it', async () => {
  const cache = newCache();
  const first = cache.get('a/1', source.read);
  clock.advance(999);
  const second = cache.get('a/1', source.read);
  clock.advance(1);
  const third = cache.get('a/1', source.read);
  source.answer(0, 'old');
  source.answer(1, 'new');
  expect(await Promise.all([first, second, third])).toEqual(['old', 'old', 'new']);
  expect(await cache.get('a/1', source.read)).toBe('new');
  expect(lookUps).toEqual(['read', 'joined', 'read', 'kept']);
});

it('gives an error to all its waiters, and does not cache it', async () => {
  const cache = newCache();
  const asked = [ask(cache), ask(cache)];
  source.fail(0, AWAY);
  for (const answer of asked) await expect(answer).rejects.toBe(AWAY);
  const again = cache.get('a/1', source.read);
  source.answer(1, 'back');
  expect(await again).toBe('back');
});

it('reads for every caller if the maximum age is 0', async () => {
  const cache = newCache({ maxAgeMs: 0 });
  const asked = [ask(cache), ask(cache)];
  source.answer(0, 'one');
  source.answer(1, 'two');
  expect(await Promise.all(asked)).toEqual(['one', 'two']);
});

describe('forgetting', () => {
  const WAYS: [string, (cache: SingleFlightCache<string, Value>) => void][] = [
    [
      'a key',
      (cache) => {
        cache.forget('a/1');
      },
    ],
    [
      'the keys of a group',
      (cache) => {
        cache.forgetGroup('a');
      },
    ],
    [
      'everything',
      (cache) => {
        cache.forgetAll();
      },
    ],
  ];

  it.each(WAYS)('%s drops what is kept', async (_, forget) => {
    const cache = await filled();
    forget(cache);
    void cache.get('a/1', source.read);
    expect(source.readings).toHaveLength(2);
  });

  it.each(WAYS)('%s drops an absent value', async (_, forget) => {
    const cache = newCache();
    const first = cache.get('a/1', source.read);
    source.answer(0, undefined);
    await first;
    forget(cache);
    void cache.get('a/1', source.read);
    expect(source.readings).toHaveLength(2);
  });

  it.each(WAYS)('%s neither caches nor shares a read that began before', async (_, forget) => {
    const cache = newCache();
    const before = cache.get('a/1', source.read);
    forget(cache);
    const after = cache.get('a/1', source.read);
    source.answer(1, 'new');
    expect(await after).toBe('new');
    source.answer(0, 'old');
    expect(await before).toBe('old');
    expect(await cache.get('a/1', source.read)).toBe('new');
    expect(lookUps).toEqual(['read', 'read', 'kept']);
  });

  it.each(WAYS)('%s does not cache a read that nobody has requested again', async (_, forget) => {
    const cache = newCache();
    const before = cache.get('a/1', source.read);
    forget(cache);
    source.answer(0, 'old');
    await before;
    expect(cache.size).toBe(0);
  });

  it.each(WAYS)('%s does not cache a background read that began before', async (_, forget) => {
    const cache = await filled({ refreshAfterMs: 600 });
    clock.advance(600);
    await cache.get('a/1', source.read);
    forget(cache);
    source.answer(1, 'old too');
    await source.readings[1]!.promise;
    expect(cache.size).toBe(0);
  });

  it('leaves the others', async () => {
    const cache = await filled();
    cache.forget('a/2');
    cache.forgetGroup('b');
    expect(await cache.get('a/1', source.read)).toBe('old');
  });

  it('the keys of a group looks at no other key', async () => {
    let looks = 0;
    const counted = (key: string) => {
      looks += 1;
      return groupOf(key);
    };
    const cache = await filled({ maxEntries: 1_000, groupOf: counted });
    for (let number = 0; number < 500; number++) await cache.get(`b/${number}`, () => Promise.resolve('x'));
    looks = 0;
    cache.forgetGroup('a');
    expect(looks).toBeLessThan(5);
    expect(cache.size).toBe(500);
  });

  it('the keys of a group finds those that came again after they were dropped, and no dropped one', async () => {
    const cache = newCache({ maxEntries: 2 });
    const keep = (key: string, value: Value = key) => cache.get(key, () => Promise.resolve(value));
    for (const key of ['a/1', 'b/1', 'b/2', 'a/1', 'b/3']) await keep(key);
    clock.advance(1_000);
    await keep('a/1', undefined);
    await keep('a/1');
    await keep('b/4');
    cache.forgetGroup('a');
    expect(cache.size).toBe(1);
    cache.forgetGroup('b');
    expect(cache.size).toBe(0);
  });
});

it('drops entries that are too old and were not used for longest, two for each new one', async () => {
  const cache = newCache({ maxEntries: 20 });
  const keep = (key: string) => cache.get(key, () => Promise.resolve(key));
  for (const key of ['old-1', 'old-2', 'old-3', 'used']) await keep(key);
  clock.advance(600);
  await keep('young');
  await keep('used');
  clock.advance(400);
  await keep('new-1');
  expect(cache.size).toBe(4);
  await keep('new-2');
  // `old-3` is gone, and `young`, which is next, is not too old.
  expect(cache.size).toBe(4);
  expect(await cache.get('young', source.read)).toBe('young');
  expect(source.readings).toHaveLength(0);
});

describe('a read in the background', () => {
  it('starts at its age, once, and answers later callers', async () => {
    const cache = await filled({ refreshAfterMs: 600 });
    clock.advance(599);
    await cache.get('a/1', source.read);
    expect(source.readings).toHaveLength(1);
    clock.advance(1);
    expect(await cache.get('a/1', source.read)).toBe('old');
    expect(await cache.get('a/1', source.read)).toBe('old');
    expect(source.readings).toHaveLength(2);
    source.answer(1, 'new');
    await source.readings[1]!.promise;
    expect(await cache.get('a/1', source.read)).toBe('new');
  });

  it('that fails is retried by the next lookup, and leaves the entry until its maximum age', async () => {
    const cache = await filled({ refreshAfterMs: 600 });
    clock.advance(600);
    await cache.get('a/1', source.read);
    source.fail(1, AWAY);
    await expect(source.readings[1]!.promise).rejects.toBe(AWAY);
    clock.advance(399);
    expect(await cache.get('a/1', source.read)).toBe('old');
    source.fail(2, AWAY);
    await expect(source.readings[2]!.promise).rejects.toBe(AWAY);
    clock.advance(1);
    const late = cache.get('a/1', source.read);
    source.fail(3, AWAY);
    await expect(late).rejects.toBe(AWAY);
  });

  it('waits for a later lookup while eight others run', async () => {
    const cache = newCache({ refreshAfterMs: 600, maxEntries: 20 });
    const keys = Array.from({ length: 9 }, (_, index) => `k${index}`);
    for (const key of keys) await cache.get(key, () => Promise.resolve(key));
    clock.advance(600);
    for (const key of keys) expect(cache.get(key, source.read)).toBe(key);
    expect(source.readings).toHaveLength(8);
    source.fail(0, AWAY);
    await expect(source.readings[0]!.promise).rejects.toBe(AWAY);
    expect(cache.get('k8', source.read)).toBe('k8');
    expect(source.readings).toHaveLength(9);
  });

  it('is joined by callers after the maximum age', async () => {
    const cache = await filled({ refreshAfterMs: 600 });
    clock.advance(600);
    await cache.get('a/1', source.read);
    clock.advance(400);
    const late = cache.get('a/1', source.read);
    source.answer(1, 'new');
    expect(await late).toBe('new');
    expect(source.readings).toHaveLength(2);
  });
});

describe('an absent value', () => {
  const absent = async (cache: SingleFlightCache<string, Value>, key: string): Promise<void> => {
    await cache.get(key, () => Promise.resolve(undefined));
  };

  it('is cached for its own time', async () => {
    const cache = newCache();
    await absent(cache, 'x');
    clock.advance(99);
    expect(await cache.get('x', source.read)).toBeUndefined();
    clock.advance(1);
    void cache.get('x', source.read);
    expect(source.readings).toHaveLength(1);
  });

  it('evicts no present value', async () => {
    const cache = await filled();
    for (let number = 0; number < 100; number++) await absent(cache, `x-${number}`);
    expect(cache.size).toBe(3);
    expect(await cache.get('a/1', source.read)).toBe('old');
  });

  it('replaces a value that is gone, and the other way round', async () => {
    const cache = await filled();
    clock.advance(1_000);
    await absent(cache, 'a/1');
    expect(cache.size).toBe(1);
    clock.advance(100);
    await cache.get('a/1', () => Promise.resolve('back'));
    expect(cache.size).toBe(1);
    expect(await cache.get('a/1', source.read)).toBe('back');
  });

  it('is not cached unless the options say so', async () => {
    const cache = new SingleFlightCache<string, Value>({ clock, maxAgeMs: 1_000, maxEntries: 10 });
    await absent(cache, 'x');
    expect(cache.size).toBe(0);
  });
});

it('holds a bounded number and a bounded weight', async () => {
  const cache = newCache({ maxEntries: 3, weight: { max: 10, of: (value) => value.length } });
  for (let number = 0; number < 5; number++) await cache.get(`n-${number}`, () => Promise.resolve('1'));
  expect(cache.size).toBe(3);
  for (let number = 0; number < 5; number++) await cache.get(`w-${number}`, () => Promise.resolve('12345'));
  expect(cache.size).toBe(2);
});
