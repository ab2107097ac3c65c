import type { VaultFailure } from '../../errors/dependency-failure.ts';
import { TesseraError } from '../../errors/tessera-error.ts';
import { explainError } from '../explain-error.ts';
import type { Found } from './finding.ts';

export interface Failure {
  /** Undefined: the check that failed. */
  readonly check: string | undefined;
  readonly found: Found;
  readonly isVaultAway: boolean;
}

/** Failures of one entry, or of one permission. All others mean that the secret store as a whole cannot be used. */
const OF_ONE_ENTRY: ReadonlySet<VaultFailure> = new Set([
  'the entry is malformed',
  'the entry is damaged or was moved',
  'the entry was sealed with another key file',
  'the credentials of a tenant database are missing',
  'the key ring is malformed',
  'the key ring changes too fast',
  'our policy does not allow this',
]);

/** What does not answer, or what a check could not read, as a finding. */
export function failureOf(error: unknown, object: string): Failure {
  const failure = error instanceof TesseraError ? error.failure : undefined;
  const [problem, command] = problemAndFix(explainError(error));
  const found = (what: string): Found => ({ severity: 'fault', object: what, problem, command });
  if (failure?.dependency === 'vault' && !OF_ONE_ENTRY.has(failure.kind))
    return { check: 'vault', found: found('vault'), isVaultAway: true };
  if (failure?.dependency === 'control database')
    return { check: 'control-database', found: found('control database'), isVaultAway: false };
  return { check: undefined, found: found(object), isVaultAway: false };
}

/** Every message of a command is a problem and, after its first full stop, the fix. */
export function problemAndFix(message: string): readonly [problem: string, fix: string] {
  const [, problem = message, fix = 'See the log of the server, and run the command again.'] =
    /^(.*?)\. (?=[A-Z])(.*)$/s.exec(message) ?? [];
  return [problem, fix];
}
