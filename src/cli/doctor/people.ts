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
  return shown(id, 'id');
}

/** The name of a role, a scope or an issuer for a finding. The tenant may have written any text there. */
export function shownName(name: string): string {
  return shown(name, 'name');
}

function shown(text: string, kind: 'id' | 'name'): string {
  if (!text.includes('@')) return text;
  return `(${kind} with @, SHA-256 ${createHash('sha256').update(text).digest('hex').slice(0, 12)})`;
}

/** The canonical form that a person must be stored with; undefined if the address is none. */
export function canonicalOf({ email }: StoredPerson): string | undefined {
  return parseEmail(email)?.canonical;
}

/** What a finding says in place of a statement that would name an id with `@`. */
export const NO_SUCH_ID =
  'The id is not one that a user or an administrator may have: give this person another id in its database';

/** @param update makes the SQL statement that stores the right form, from the condition on the person's id */
export function wrongEmail(
  person: StoredPerson,
  object: string,
  update: (isPerson: string) => string,
): Found | undefined {
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
        command: person.id.includes('@') ? NO_SUCH_ID : update(`id = ${sqlText(person.id)}`),
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
