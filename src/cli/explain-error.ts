import { ConfigurationError } from '../config/configuration-error.ts';
import { OperatorError } from '../errors/operator-error.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { TenantError } from '../provisioning/read-installation.ts';
import { VAULT_FIXES } from './vault-fixes.ts';
import { VaultConflict } from '../vault/vault.service.ts';

const NO_DIRECTORY =
  "The tenant's database holds what no directory of ours can. Let whoever runs it correct it, then run the command again.";

/** What to look at when a dependency does not answer, by the name that its errors start with. */
const FIXES: readonly (readonly [dependency: string, fix: string])[] = [
  ['control database: schema is missing', 'Run: tessera migrate'],
  [
    'control database: read only',
    'The server takes no writes: it is a replica, or is handing over to another. Let DATABASE_URL lead to the primary (embedded: let TESSERA_DATA_DIR be written), then run the command again.',
  ],
  [
    'control database',
    'Check that the database runs and that DATABASE_URL is right (embedded: that TESSERA_DATA_DIR may be written), then run the command again.',
  ],
  [
    'embedded database: it is changed too fast',
    'Nothing was changed. Run the command again; if it fails each time, stop what writes to TESSERA_DATA_DIR for a moment.',
  ],
  ['apply lock', 'Check that the folder of TESSERA_DATA_DIR may be written, then run the command again.'],
  [
    'tenant database: belongs to another tenant',
    "Check the tenant's `database` in the tenants file: each tenant needs its own.",
  ],
  ['tenant database: schema is missing', 'Run: tessera migrate'],
  [
    'tenant database: read only',
    "The server takes no writes: it is a replica, or is handing over to another. Let the tenant's `database` in the tenants file lead to the primary, then run the command again.",
  ],
  ['tenant database: holds a', NO_DIRECTORY],
  ['tenant database: lacks a value', NO_DIRECTORY],
  ['tenant database: has too many rows', NO_DIRECTORY],
  ['tenant database: answer is', NO_DIRECTORY],
  [
    'tenant database',
    "Check the tenant's `database` in the tenants file and its credentials in Vault at database/<tenant>, then run the command again.",
  ],
  [
    'vault: the credentials of a tenant database are missing',
    'Put `username` and `password` into Vault at database/<tenant>, then run the command again.',
  ],
  ...VAULT_FIXES,
];

/** What a command says about an error: for an operator, ending with the fix; never a stack, never a foreign library's words. */
export function explainError(error: unknown): string {
  if (error instanceof ConfigurationError) return `${error.message}\nCorrect them in the environment or in .env.`;
  if (error instanceof OperatorError) return error.message;
  if (error instanceof VaultConflict)
    return 'Another process changed the same secret or key ring at the same time. Nothing was changed by this command: run it again.';
  if (error instanceof TenantError) return `tenant "${error.tenantId}": ${explainError(error.cause)}`;
  if (error instanceof TesseraError) {
    const fix = FIXES.find(([dependency]) => error.reason.startsWith(dependency))?.[1];
    return `${capitalised(error.reason)}. ${fix ?? 'Run the command again; if it fails again, report it.'}`;
  }
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  if (typeof code === 'string' && /^(?:E[A-Z]+|SQLITE_[A-Z_]+)$/.test(code))
    return `The embedded stores cannot be read or written (${code}). Check the folder of TESSERA_DATA_DIR, its owner and its free space, then run the command again.`;
  const kind = error instanceof Error ? error.name : typeof error;
  return `Unexpected failure (${kind}). Nothing was lost: run the command again; if it fails again, report it with the command that you ran.`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
