import { ConfigurationError } from '../config/configuration-error.ts';
import type { DependencyFailure } from '../errors/dependency-failure.ts';
import { OperatorError } from '../errors/operator-error.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { TenantError } from '../provisioning/file/read-installation.ts';
import { VAULT_FIXES } from './vault-fixes.ts';
import { VaultConflict } from '../vault/vault.service.ts';
import { explainDatabaseFailure } from './explain-database.ts';

/** The fix for a dependency that fails. */
function fixOf(failure: DependencyFailure | undefined): string {
  if (failure?.dependency === 'vault') return VAULT_FIXES[failure.kind];
  if (failure?.dependency === 'embedded database')
    return failure.kind === 'it is changed too fast to be read'
      ? 'Nothing was changed. Run the command again. If it fails each time, stop the processes that write to TESSERA_DATA_DIR for a moment.'
      : 'Run the command again; if it fails each time, check the files of TESSERA_DATA_DIR, their owner and their disk.';
  if (failure?.dependency === 'apply lock')
    return 'Check that TESSERA_DATA_DIR is writable, then run the command again.';
  return 'Run the command again; if it fails again, report it.';
}

/** The message of a command about an error. For the operator, it ends with the fix. It never contains a stack or the text of a library's error. */
export function explainError(error: unknown): string {
  if (error instanceof ConfigurationError) return `${error.message}\nCorrect them in the environment or in .env.`;
  if (error instanceof OperatorError) return error.message;
  if (error instanceof VaultConflict)
    return 'Another process changed the same secret or key ring at the same time. Nothing was changed by this command: run it again.';
  if (error instanceof TenantError) return `tenant "${error.tenantId}": ${explainError(error.cause)}`;
  if (error instanceof TesseraError) {
    const database = explainDatabaseFailure(error);
    if (database !== undefined) return database;
    return `${capitalised(error.reason)}. ${fixOf(error.failure)}`;
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
