import type { Row } from '../database/database.ts';
import { reasonOfFailure } from '../database/database-failure.ts';
import { ISSUER_LENGTH, SUB_LENGTH } from '../control-plane/entities/tenant.entity.ts';

const LINKABLE_SUB = new RegExp(`^[^\\p{Cc}\\p{Cs}]{1,${SUB_LENGTH}}$`, 'u');

/** The column is ASCII, whose collation ignores spaces at the end. */
const ISSUER = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/**
 * Whether a person of a trusted issuer can be linked by this value: 1 to 255 characters, of any script and with spaces, compared exactly. Control
 * characters and halves of surrogate pairs are refused: not every database gives them back as they were.
 */
export function isLinkableSub(sub: string): boolean {
  return LINKABLE_SUB.test(sub);
}

/** Whether tokens can have this issuer: 1 to 512 printable ASCII characters, with spaces inside only. */
export function isLinkableIssuer(issuer: string): boolean {
  return issuer.length <= ISSUER_LENGTH && ISSUER.test(issuer);
}

/** Whether a person at a trusted issuer can be linked. Nobody else is looked up. */
export function isLinkable(issuer: string, sub: string): boolean {
  return isLinkableIssuer(issuer) && isLinkableSub(sub);
}

const ASCII = /^[\x20-\x7e]*$/;

/**
 * Runs a query for the links of a `sub`. A server refuses to compare a column with characters that its character set does not have. Such a column is
 * that of an application, or of an earlier version before the migration, and holds no such `sub`: the person is unknown, which is no failure.
 */
export async function linksOf(sub: string, query: () => Promise<Row[]>): Promise<readonly Row[]> {
  try {
    return await query();
  } catch (error) {
    if (!ASCII.test(sub) && reasonOfFailure(error) === 'collations differ') return [];
    throw error;
  }
}
