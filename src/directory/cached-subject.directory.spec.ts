import { ManualClock, storedTenant } from '../testing/storage.ts';
import { unavailable } from '../errors/tessera-error.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { parseEmail } from '../domain/email.ts';
import { CachedSubjectDirectory } from './cached-subject.directory.ts';
import { type Subject, SubjectDirectory } from './subject.ts';

/** Gives preset answers and counts the lookups. */
class CountingDirectory extends SubjectDirectory {
  readonly asked: string[] = [];
  readonly known = new Map<string, Subject>();
  failure: Error | undefined;

  override async findByEmail(tenant: Tenant, email: string): Promise<Subject | undefined> {
    return this.#answer(`${tenant.id} ${email}`);
  }

  override async findById(tenant: Tenant, id: string): Promise<Subject | undefined> {
    return this.#answer(`${tenant.id} id ${id}`);
  }

  override async findByIdentity(tenant: Tenant, issuer: string, sub: string): Promise<Subject | undefined> {
    return this.#answer(`${tenant.id} ${issuer} ${sub}`);
  }

  async #answer(question: string): Promise<Subject | undefined> {
    this.asked.push(question);
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    return this.known.get(question);
  }
}

describe('CachedSubjectDirectory', () => {
  const acme: Tenant = storedTenant('acme');
  const other: Tenant = storedTenant('other');
  const email = (text: string) => parseEmail(text)!.canonical;
  const subject = (id: string, scopes = 0): Subject => ({
    id,
    email: `${id}@acme.example`,
    status: 'active',
    roles: [],
    groups: [],
    scopes: Array.from({ length: scopes }, (_, number) => ({ name: `scope-${number}`, resource: undefined })),
  });
  let source: CountingDirectory;
  let clock: ManualClock;
  let cache: CachedSubjectDirectory;

  beforeEach(() => {
    source = new CountingDirectory();
    clock = new ManualClock();
    cache = new CachedSubjectDirectory(source, clock, { grantsSeconds: 5, grantsEntries: 10 });
    source.known.set('acme ada@acme.example', subject('u-ada'));
  });
  const ada = async () => cache.findByEmail(acme, email('ada@acme.example'));

  it('reads once for concurrent callers after the maximum age', async () => {
    await ada();
    clock.advance(5000);
    await Promise.all(Array.from({ length: 50 }, ada));
    expect(source.asked).toHaveLength(2);
  });

  it('reads once within the maximum age, and again after it', async () => {
    const first = await ada();
    clock.advance(4999);
    expect(await ada()).toBe(first);
    expect(source.asked).toHaveLength(1);
    clock.advance(1);
    await ada();
    expect(source.asked).toHaveLength(2);
  });

  it('counts the age from before the read, not from its answer', async () => {
    const asking = ada();
    clock.advance(3000);
    await asking;
    clock.advance(2000);
    await ada();
    expect(source.asked).toHaveLength(2);
  });

  it('reads once for concurrent callers', async () => {
    await Promise.all(Array.from({ length: 20 }, ada));
    expect(source.asked).toHaveLength(1);
  });

  it('never gives one tenant the subject of another', async () => {
    await ada();
    expect(await cache.findByEmail(other, email('ada@acme.example'))).toBeUndefined();
  });

  it('reads again for a new version of the tenant', async () => {
    await ada();
    source.known.set('acme ada@acme.example', subject('u-new'));
    expect((await cache.findByEmail({ ...acme, version: 2 }, email('ada@acme.example')))?.id).toBe('u-new');
  });

  it('does not keep an error', async () => {
    source.failure = unavailable('tenant database', 'connection refused');
    await expect(ada()).rejects.toBe(source.failure);
    source.failure = undefined;
    expect((await ada())?.id).toBe('u-ada');
  });

  it('serves from memory while the database is away, up to the maximum age', async () => {
    await ada();
    source.failure = unavailable('tenant database', 'connection refused');
    clock.advance(4999);
    expect((await ada())?.id).toBe('u-ada');
    clock.advance(1);
    await expect(ada()).rejects.toBe(source.failure);
  });

  it('caches "unknown", and finds a new subject once that has expired', async () => {
    const late = () => cache.findByEmail(acme, email('late@acme.example'));
    expect(await late()).toBeUndefined();
    expect(await late()).toBeUndefined();
    expect(source.asked).toHaveLength(1);
    source.known.set('acme late@acme.example', subject('u-late'));
    clock.advance(5000);
    expect((await late())?.id).toBe('u-late');
  });

  it('is not filled by unknown addresses', async () => {
    await ada();
    for (let number = 0; number < 100; number += 1) await cache.findByEmail(acme, email(`x${number}@acme.example`));
    source.asked.length = 0;
    await ada();
    expect(source.asked).toEqual([]);
    expect(cache.stats().entries).toBeLessThanOrEqual(11);
  });

  it('holds a bounded number of subjects and a bounded size', async () => {
    const bounded = new CachedSubjectDirectory(source, clock, { grantsSeconds: 5, grantsEntries: 100 }, 20_000);
    for (let number = 0; number < 50; number += 1) {
      source.known.set(`acme u${number}@acme.example`, subject(`u${number}`, 100));
      await bounded.findByEmail(acme, email(`u${number}@acme.example`));
    }
    // About 6,500 characters each.
    expect(bounded.stats().entries).toBe(3);
  });

  it('counts the overhead of many short names', async () => {
    const bounded = new CachedSubjectDirectory(source, clock, { grantsSeconds: 5, grantsEntries: 100 }, 20_000);
    for (let number = 0; number < 10; number += 1) {
      const roles = Array.from({ length: 200 }, (_, role) => `${role}`);
      source.known.set(`acme r${number}@acme.example`, { ...subject(`r${number}`), roles });
      await bounded.findByEmail(acme, email(`r${number}@acme.example`));
    }
    // About 5,000 characters each, a tenth of which are in the names.
    expect(bounded.stats().entries).toBeLessThanOrEqual(4);
  });

  it('distinguishes an identity from an address and from every other split of the same text', async () => {
    source.known.set('acme https://a b', subject('u-1'));
    expect((await cache.findByIdentity(acme, 'https://a', 'b'))?.id).toBe('u-1');
    await cache.findByIdentity(acme, 'https://a b', '');
    await cache.findByIdentity(acme, 'https://a","b', '');
    expect(source.asked).toHaveLength(3);
  });

  it('reads for every token when its age is 0', async () => {
    const none = new CachedSubjectDirectory(source, clock, { grantsSeconds: 0, grantsEntries: 10 });
    await none.findByEmail(acme, email('ada@acme.example'));
    await none.findByEmail(acme, email('ada@acme.example'));
    expect(source.asked).toHaveLength(2);
  });
});
