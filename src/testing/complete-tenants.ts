import type { IssuerContext } from '../provisioning/file/readers/read-issuers.ts';
import { readTenantsFile } from '../provisioning/file/read-tenants-file.ts';
import type { TenantSpec, TenantsFile } from '../provisioning/file/tenants-file.ts';
import type { ValidationError } from '../provisioning/file/validation-error.ts';
import { sharedDatabases } from '../provisioning/merge/checks/shared-databases.ts';
import { completeTenant } from '../provisioning/plan/complete-tenant.ts';

export type CompleteResult =
  | { readonly file: TenantsFile }
  | { readonly errors: readonly (ValidationError & { readonly line: number; readonly column: number })[] };

/** Reads a file as an apply to an empty installation does. Each error must have a position. */
export function readCompleteTenants(text: string | Uint8Array, context: IssuerContext): CompleteResult {
  const result = readTenantsFile(typeof text === 'string' ? new TextEncoder().encode(text) : text, context);
  const { tenants } = 'file' in result ? result.file : result.draft;
  const whole: TenantSpec[] = [];
  const errors: ValidationError[] = 'file' in result ? [] : [...result.errors];
  const isKnown = (one: ValidationError) =>
    errors.some((other) => other.line === one.line && other.column === one.column);
  for (const tenant of tenants) {
    const complete = completeTenant(tenant);
    if ('conflicts' in complete) errors.push(...complete.conflicts.filter((one) => !isKnown(one)));
    else whole.push(complete);
  }
  errors.push(...sharedDatabases(tenants, whole));
  if (errors.length === 0) return { file: { tenants: whole } };
  const placed = errors.map((error) => {
    const { line, column } = error;
    if (line === undefined || column === undefined) throw new Error(`without a position: ${error.message}`);
    return { ...error, line, column };
  });
  return { errors: placed.sort((a, b) => a.line - b.line || a.column - b.column) };
}
