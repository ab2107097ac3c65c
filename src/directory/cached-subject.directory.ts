import type { CachesConfig } from '../config/config.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import type { Clock } from '../domain/clock.ts';
import type { CanonicalEmail } from '../domain/email.ts';
import { SingleFlightCache } from '../runtime/single-flight-cache.ts';
import { type Subject, SubjectDirectory } from './subject.ts';

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
  readonly #subjects: SingleFlightCache<string, Subject | undefined>;
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
    this.#subjects = new SingleFlightCache<string, Subject | undefined>({
      clock,
      maxAgeMs: caches.grantsSeconds * 1000,
      maxEntries: caches.grantsEntries,
      weight: { max: maxCharacters, of: charactersOf },
      absent: { maxEntries: Math.max(1, Math.ceil(caches.grantsEntries / 10)) },
      onLookUp: (how) => {
        if (how === 'read') this.#misses += 1;
        else this.#hits += 1;
      },
    });
  }

  override findByEmail(tenant: Tenant, email: CanonicalEmail): Promise<Subject | undefined> {
    // No part of a key can hold a space, so that no two look-ups share one.
    const key = `${tenant.id} ${this.#snapshotOf(tenant)} ${email}`;
    return this.#subjects.get(key, () => this.#source.findByEmail(tenant, email));
  }

  override findByIdentity(tenant: Tenant, issuer: string, sub: string): Promise<Subject | undefined> {
    // Foreign text may hold anything: JSON keeps its parts apart.
    const key = `${tenant.id} ${this.#snapshotOf(tenant)} ${JSON.stringify([issuer, sub])}`;
    return this.#subjects.get(key, () => this.#source.findByIdentity(tenant, issuer, sub));
  }

  stats(): { readonly entries: number; readonly hits: number; readonly misses: number } {
    return { entries: this.#subjects.size, hits: this.#hits, misses: this.#misses };
  }

  /** Told apart by identity: two readings of one version may have a change in the directory between them. */
  #snapshotOf(tenant: Tenant): number {
    let number = this.#snapshots.get(tenant);
    if (number === undefined) this.#snapshots.set(tenant, (number = ++this.#lastSnapshot));
    return number;
  }
}

function charactersOf(subject: Subject): number {
  let size = ENTRY_CHARACTERS + subject.id.length + subject.email.length;
  for (const name of subject.roles) size += name.length + NAME_CHARACTERS;
  for (const name of subject.groups) size += name.length + NAME_CHARACTERS;
  for (const scope of subject.scopes) size += scope.name.length + (scope.resource?.length ?? 0) + SCOPE_CHARACTERS;
  return size;
}
