import { LRUCache } from 'lru-cache';
import type { CachesConfig } from '../config/config.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import type { Clock } from '../domain/clock.ts';
import type { CanonicalEmail } from '../domain/email.ts';
import { type Subject, SubjectDirectory } from './subject.ts';

interface Entry {
  readonly subject: Promise<Subject | undefined>;
  readonly readAtMs: number;
}

/**
 * Characters of grants over all cached subjects: about 64 MB at two bytes each. `grantsEntries` usual subjects are far below it; it is
 * there for directories where each user has hundreds of scopes.
 */
const MAX_CHARACTERS = 32 * 1024 * 1024;
/** What an entry costs beside its grants: key, promise, arrays. */
const ENTRY_CHARACTERS = 500;
/** What a name costs beside its characters, however short it is: a string, a place in an array. A scope is an object besides. */
const NAME_CHARACTERS = 20;
const SCOPE_CHARACTERS = 50;

/**
 * Subjects from memory for a few seconds after they were read, each for the tenant's snapshot under which it was read. A change by `apply` or a revocation
 * makes a new snapshot, for which everything is read anew; a change made by hand in the tenant's database is seen when the entry's time is over.
 *
 * Errors are never kept. "Unknown" is, but apart: made-up addresses cannot push real people out.
 */
export class CachedSubjectDirectory extends SubjectDirectory {
  readonly #source: SubjectDirectory;
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #known: LRUCache<string, Entry>;
  readonly #unknown: LRUCache<string, Entry>;
  readonly #reading = new Map<string, Entry>();
  readonly #snapshots = new WeakMap<Tenant, number>();
  #lastSnapshot = 0;
  #hits = 0;
  #misses = 0;

  constructor(
    source: SubjectDirectory,
    clock: Clock,
    caches: Pick<CachesConfig, 'grantsSeconds' | 'grantsEntries'>,
    maxCharacters = MAX_CHARACTERS,
  ) {
    super();
    this.#source = source;
    this.#clock = clock;
    this.#maxAgeMs = caches.grantsSeconds * 1000;
    this.#known = new LRUCache({ max: caches.grantsEntries, maxSize: maxCharacters });
    this.#unknown = new LRUCache({ max: Math.max(1, Math.ceil(caches.grantsEntries / 10)) });
  }

  override findByEmail(tenant: Tenant, email: CanonicalEmail): Promise<Subject | undefined> {
    // No part of a key can hold a space, so that no two look-ups share one.
    const key = `${tenant.id} ${this.#snapshotOf(tenant)} ${email}`;
    return this.#fresh(key) ?? this.#read(key, () => this.#source.findByEmail(tenant, email));
  }

  override findByIdentity(tenant: Tenant, issuer: string, sub: string): Promise<Subject | undefined> {
    // Foreign text may hold anything: JSON keeps its parts apart.
    const key = `${tenant.id} ${this.#snapshotOf(tenant)} ${JSON.stringify([issuer, sub])}`;
    return this.#fresh(key) ?? this.#read(key, () => this.#source.findByIdentity(tenant, issuer, sub));
  }

  stats(): { readonly entries: number; readonly hits: number; readonly misses: number } {
    return { entries: this.#known.size + this.#unknown.size, hits: this.#hits, misses: this.#misses };
  }

  /** Told apart by identity: two readings of one version may have a change in the directory between them. */
  #snapshotOf(tenant: Tenant): number {
    let number = this.#snapshots.get(tenant);
    if (number === undefined) this.#snapshots.set(tenant, (number = ++this.#lastSnapshot));
    return number;
  }

  #fresh(key: string): Promise<Subject | undefined> | undefined {
    const entry =
      this.#young(this.#known.get(key)) ??
      this.#young(this.#unknown.get(key)) ??
      // An entry whose time is over must not hide the reading that is under way for it.
      this.#young(this.#reading.get(key));
    if (entry === undefined) this.#misses += 1;
    else this.#hits += 1;
    return entry?.subject;
  }

  #young(entry: Entry | undefined): Entry | undefined {
    return entry !== undefined && this.#clock.monotonicMs() - entry.readAtMs < this.#maxAgeMs ? entry : undefined;
  }

  #read(key: string, find: () => Promise<Subject | undefined>): Promise<Subject | undefined> {
    // The age counts from before the read: what the database said is never older than the entry says.
    const readAtMs = this.#clock.monotonicMs();
    const subject = find();
    const entry: Entry = { subject, readAtMs };
    this.#reading.set(key, entry);
    subject.then(
      (found) => {
        this.#done(key, entry);
        if (found === undefined) {
          this.#known.delete(key);
          this.#unknown.set(key, entry);
        } else {
          this.#unknown.delete(key);
          this.#known.set(key, entry, { size: sizeOf(found) });
        }
      },
      () => {
        this.#done(key, entry);
      },
    );
    return subject;
  }

  #done(key: string, entry: Entry): void {
    if (this.#reading.get(key) === entry) this.#reading.delete(key);
  }
}

function sizeOf(subject: Subject): number {
  let size = ENTRY_CHARACTERS + subject.id.length + subject.email.length;
  for (const name of subject.roles) size += name.length + NAME_CHARACTERS;
  for (const name of subject.groups) size += name.length + NAME_CHARACTERS;
  for (const scope of subject.scopes) size += scope.name.length + (scope.resource?.length ?? 0) + SCOPE_CHARACTERS;
  return size;
}
