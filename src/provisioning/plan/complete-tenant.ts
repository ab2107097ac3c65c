import { EMPTY_DIRECTORY } from '../../directory/provisioning/directory-state.ts';
import type { PartialTenant } from '../file/partial-tenants-file.ts';
import type { TenantSpec } from '../file/tenants-file.ts';
import type { ValidationError } from '../file/validation-error.ts';
import { checkTenant } from '../merge/checks/check-tenant.ts';
import { checkConflicts } from '../merge/checks/conflicts.ts';
import { mergeDatabase } from '../merge/merge-database.ts';
import { mergeTenant } from '../merge/merge-tenant.ts';
import { Faults } from '../merge/thing.ts';
import { newTenantState, specFromState } from './tenant-state.ts';

/** The tenant as the file makes it where nothing exists, with defaults filled in; or why the file cannot make it alone. */
export function completeTenant(
  written: PartialTenant,
): TenantSpec | { readonly conflicts: readonly ValidationError[] } {
  const faults = new Faults(written.id);
  const before = specFromState(newTenantState(written.id), EMPTY_DIRECTORY);
  const database = mergeDatabase(written, undefined, faults) ?? before.database;
  const after = mergeTenant(written, { ...before, database }, { isNew: true, prune: false }, faults);
  checkTenant(written, before, after, faults);
  checkConflicts(written, after, faults);
  const conflicts = faults.list();
  return conflicts.length > 0 ? { conflicts } : after;
}
