import { auditSpan } from '../../../audit/reading/audit-span.ts';
import type { InstallationFacts } from '../facts.ts';
import type { Check } from '../finding.ts';

const DAY_MS = 86_400_000;

/** Every server removes what has expired once an hour. After a day, none does, or none can. */
const LAG_DAYS = 1;

/** Who must keep records for ten years can say so: the setting goes up to that. */
const FOREVER_DAYS = 365;

/** Audit records are removed when they have expired. */
export const auditRetentionCheck: Check<InstallationFacts> = {
  name: 'audit-retention',
  run: async ({ stores: { config, database }, clock }) => {
    const { retentionDays } = config.audit;
    const span = await auditSpan(database);
    if (span === undefined) return [];
    const days = (clock.nowMs() - span.oldestMs) / DAY_MS;
    if (retentionDays === 0) {
      if (days <= FOREVER_DAYS) return [];
      return [
        {
          severity: 'warning',
          object: 'audit',
          problem: `records are kept forever, and the oldest is ${Math.floor(days)} days old`,
          command: 'Set TESSERA_AUDIT_RETENTION_DAYS to the days that they must be kept, at most 3650',
        },
      ];
    }
    if (days <= retentionDays + LAG_DAYS) return [];
    return [
      {
        severity: 'fault',
        object: 'audit',
        problem: `the oldest record is ${Math.floor(days)} days old, and ${retentionDays} are kept: no server has removed what has expired for ${Math.floor(days - retentionDays)} days`,
        command: 'Look for audit_retention_failed in the logs of the servers, and let one run for an hour',
      },
    ];
  },
};
