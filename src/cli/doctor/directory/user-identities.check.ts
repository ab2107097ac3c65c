import { ISSUER_LENGTH } from '../../../control-plane/entities/tenant.entity.ts';
import { readRequiredText, selectText } from '../../../directory/bounded-text.ts';
import type { DirectoryFacts } from '../facts.ts';
import { type Check, MAX_FOUND } from '../finding.ts';
import { shownName, sqlText } from '../people.ts';

/** Linked identities of users are of issuers that the tenant trusts. One finding for each other issuer, however many users are linked to it. */
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
    return rows.map((row) => {
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
  },
};
