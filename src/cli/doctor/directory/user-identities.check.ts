import { ISSUER_LENGTH } from '../../../control-plane/entities/tenant.entity.ts';
import { readRequiredText, selectText } from '../../../directory/bounded-text.ts';
import { findGrantsById } from '../../../directory/grants-query.ts';
import type { Tenant } from '../../../tenancy/tenant.ts';
import type { DirectoryFacts } from '../facts.ts';
import { type Check, type Found, MAX_FOUND } from '../finding.ts';
import { shownName, sqlText } from '../people.ts';

/**
 * Linked identities of users are of issuers that the tenant trusts, and users that a trusted issuer names exist. One finding for each other issuer,
 * however many users are linked to it.
 */
export const userIdentitiesCheck: Check<DirectoryFacts> = {
  name: 'user-identities',
  run: async ({ directory, state: { tenant } }) => {
    const table = directory.relations.from.user_identities;
    const trusted = [...new Set(tenant.trusts.map(({ issuer }) => issuer))];
    const others =
      trusted.length === 0 ? '' : `WHERE user_identities.issuer NOT IN (${trusted.map(() => '?').join(', ')})`;
    const rows = await directory.query(
      `SELECT ${selectText('user_identities.issuer', ISSUER_LENGTH, 'issuer')}, COUNT(*) AS identities
         FROM ${table} user_identities ${others} GROUP BY user_identities.issuer LIMIT ${MAX_FOUND + 1}`,
      trusted,
    );
    const untrusted = rows.map((row): Found => {
      const issuer = readRequiredText(row, 'issuer', ISSUER_LENGTH);
      return {
        severity: 'warning',
        object: `users of ${tenant.id}`,
        problem: `${Number(row['identities'])} are linked to identities of ${shownName(issuer)}, which the tenant does not trust`,
        command: !issuer.includes('@')
          ? `Add the issuer to "issuers" in the tenants file, or: DELETE FROM ${table} WHERE issuer = ${sqlText(issuer)};`
          : `Delete its rows in ${table}, or add the issuer to "issuers" in the tenants file`,
      };
    });
    return [...untrusted, ...(await missingUsers(directory, tenant))];
  },
};

async function missingUsers(directory: DirectoryFacts['directory'], tenant: Tenant): Promise<Found[]> {
  const found: Found[] = [];
  for (const { id, subject, surfaces } of tenant.trusts) {
    if (subject.match !== 'user' || !surfaces.includes('user')) continue;
    if ((await findGrantsById(directory, tenant.id, subject.id)) !== undefined) continue;
    found.push({
      severity: 'warning',
      object: `issuer ${tenant.id}/${id}`,
      problem: `its tokens are about the user ${subject.id}, who does not exist`,
      command: 'Correct "subject" of the issuer in the tenants file: tessera apply -f FILE',
    });
  }
  return found;
}
