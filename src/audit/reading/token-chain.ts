import type { ControlPlane } from '../../control-plane/control-plane.ts';
import { type AuditRow, findAuditRecords } from './audit-query.ts';
import { readGrantDetails } from '../grant-details.ts';

/** More tokens than a chain of exchanges can have. Ends the search if somebody wrote records that lead in a circle. */
const MAX_ANCESTORS = 8;

/** Of one token, more records than it has: one when it was issued, and one for each attempt to revoke it. */
const RECORDS_OF_TOKEN = 100;

/** The records of the tokens that a token was exchanged from, by its own records. Each is found in the index of token ids. */
export async function findAncestorRecords(
  controlPlane: ControlPlane,
  records: readonly AuditRow[],
): Promise<readonly AuditRow[]> {
  const ancestors: AuditRow[] = [];
  let parent = parentOf(records);
  for (let count = 0; parent !== undefined && count < MAX_ANCESTORS; count += 1) {
    const found: readonly AuditRow[] = await findAuditRecords(controlPlane, { ...parent, limit: RECORDS_OF_TOKEN });
    ancestors.push(...found);
    parent = parentOf(found);
  }
  return ancestors;
}

function parentOf(records: readonly AuditRow[]): { readonly tenantId: string; readonly tokenId: string } | undefined {
  for (const { tenantId, details } of records) {
    const tokenId = readGrantDetails(details)?.parentTokenId;
    if (tenantId !== null && tokenId !== undefined) return { tenantId, tokenId };
  }
  return undefined;
}
