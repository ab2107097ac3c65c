import type { CachesConfig } from '../config/config.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import type { Clock } from '../domain/clock.ts';
import type { CanonicalEmail } from '../domain/email.ts';
import type { Awaitable } from '../runtime/awaitable.ts';
import { SingleFlightCache } from '../runtime/single-flight-cache.ts';
import { type Subject, SubjectDirectory } from './subject.ts';

/**
 * Limit of the characters in all cached grants: about 64 MB at two bytes each. Usual subjects stay far below it; it matters for directories where
 * each user has hundreds of scopes.
 */
const MAX_CHARACTERS = 32 * 1024 * 1024;
/** The overhead of an entry in addition to its grants: key, promise, arrays. */
const ENTRY_CHARACTERS = 500;
/** The overhead of a name in addition to its characters: a string and an array slot. A scope is also an object. */
const NAME_CHARACTERS = 20;
const SCOPE_CHARACTERS = 50;

/**
 * Caches subjects for a few seconds, keyed by the tenant's snapshot. A change by `apply` or a revocation makes a new snapshot, for which everything
 * is read again. A manual change in the tenant's database takes effect when the entry expires.
 *
 * Errors are never cached. "Unknown" is cached separately, so that invented addresses cannot evict real subjects.
 */
export class CachedSubjectDirectory extends SubjectDirectory {
  readonly #source: SubjectDirectory;
  readonly #subjects: SingleFlightCache<string, Subject | undefined>;
  /** The beginning of the keys of each snapshot. */
  readonly #snapshots = new WeakMap<Tenant, string>();
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

  override findByEmail(tenant: Tenant, email: CanonicalEmail): Awaitable<Subject | undefined> {
    // No part of a key can contain a space, so keys are unambiguous.
    const key = this.#snapshotOf(tenant) + email;
    return this.#subjects.get(key, async () => this.#source.findByEmail(tenant, email));
  }

  override findById(tenant: Tenant, id: string): Awaitable<Subject | undefined> {
    // The second space distinguishes ids from addresses and identities, which begin with none.
    const key = `${this.#snapshotOf(tenant)} ${id}`;
    return this.#subjects.get(key, async () => this.#source.findById(tenant, id));
  }

  override findByIdentity(tenant: Tenant, issuer: string, sub: string): Awaitable<Subject | undefined> {
    // The issuer's text may contain anything; JSON makes the key unambiguous.
    const key = this.#snapshotOf(tenant) + JSON.stringify([issuer, sub]);
    return this.#subjects.get(key, async () => this.#source.findByIdentity(tenant, issuer, sub));
  }

  stats(): { readonly entries: number; readonly hits: number; readonly misses: number } {
    return { entries: this.#subjects.size, hits: this.#hits, misses: this.#misses };
  }

  /** Snapshots are distinguished by identity: the directory may have changed between two snapshots of one version. */
  #snapshotOf(tenant: Tenant): string {
    let start = this.#snapshots.get(tenant);
    if (start === undefined) this.#snapshots.set(tenant, (start = `${tenant.id} ${++this.#lastSnapshot} `));
    return start;
  }
}

function charactersOf(subject: Subject): number {
  let size = ENTRY_CHARACTERS + subject.id.length + (subject.email?.length ?? 0);
  for (const name of subject.roles) size += name.length + NAME_CHARACTERS;
  for (const name of subject.groups) size += name.length + NAME_CHARACTERS;
  for (const scope of subject.scopes) size += scope.name.length + (scope.resource?.length ?? 0) + SCOPE_CHARACTERS;
  return size;
}
