import { findAuditRecords } from '../../audit/reading/audit-query.ts';
import { readGrantDetails } from '../../audit/grant-details.ts';
import { isTokenId } from '../../revocation/new-revocations.ts';
import type { TenantId } from '../../domain/ids.ts';
import type { Installation } from '../installation.ts';

/** What the audit knows of a token's chain of exchanges. `unknown`: there is no record of the token. */
export type TokenOrigin = { readonly kind: 'root' | 'unknown' } | { readonly kind: 'exchanged'; readonly root: string };

/** Of one token, more records than it has: one when it was issued, and one for each attempt to revoke it. */
const RECORDS_OF_TOKEN = 100;

/** Finds the record of a token by the index of token ids, and the first token of its chain in it. */
export async function findTokenOrigin(
  { database }: Installation,
  tenantId: TenantId,
  tokenId: string,
): Promise<TokenOrigin> {
  const records = await findAuditRecords(database, { tenantId, tokenId, outcome: 'issued', limit: RECORDS_OF_TOKEN });
  const [root] = records.flatMap(({ details }) => readGrantDetails(details)?.rootTokenId ?? []);
  if (root !== undefined && isTokenId(root)) return { kind: 'exchanged', root };
  return { kind: records.length === 0 ? 'unknown' : 'root' };
}
