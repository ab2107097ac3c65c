import { createHash } from 'node:crypto';
import { parseEmail } from '../../domain/email.ts';
import type { Found } from './finding.ts';

/** A user or an administrator as stored. */
export interface StoredPerson {
  readonly id: string;
  readonly email: string;
  readonly emailCanonical: string;
}

/**
 * The id of a person for a finding. Tessera gives no id with an `@`, but a user whom SQL added may have an e-mail address as its id, and findings hold
 * none.
 */
export function shownId(id: string): string {
  if (!id.includes('@')) return id;
  return `(id with @, SHA-256 ${createHash('sha256').update(id).digest('hex').slice(0, 12)})`;
}

/** The canonical form that a person must be stored with; undefined if the address is none. */
export function canonicalOf({ email }: StoredPerson): string | undefined {
  return parseEmail(email)?.canonical;
}

/** @param update the SQL statement that stores the right form; it names the person by its id */
export function wrongEmail(person: StoredPerson, object: string, update: string): Found | undefined {
  const canonical = canonicalOf(person);
  if (canonical === person.emailCanonical) return undefined;
  return canonical === undefined
    ? {
        severity: 'fault',
        object,
        problem: 'the e-mail address is not one that sign-in accepts, so nobody finds this person',
        command: 'Correct it in the tenants file: tessera apply -f FILE',
      }
    : {
        severity: 'fault',
        object,
        problem: 'the e-mail address is not stored in its canonical form, by which people are found',
        command: update,
      };
}

export function sharedEmail(object: string, others: readonly string[]): Found {
  return {
    severity: 'fault',
    object,
    problem: `has the e-mail address of ${others.map(shownId).join(', ')}: case makes no difference`,
    command: 'Give one of them another address in the tenants file: tessera apply -f FILE',
  };
}

/** A text in an SQL statement that somebody else runs. */
export function sqlText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
