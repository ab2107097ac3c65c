/**
 * `fault`: something is refused, or is not as it must be, now. `warning`: everything works, but will stop working, or something has no effect that
 * somebody may rely on.
 */
export type Severity = 'fault' | 'warning';

/** What one check has found. No text of it holds an e-mail address or a secret. Names from a tenant's database are printed escaped. */
export interface Found {
  readonly severity: Severity;
  /** What it is about, such as `acme/shop/web` or `control database`. */
  readonly object: string;
  readonly problem: string;
  /** The command that mends it, or what to do where no command can. */
  readonly command: string;
}

export interface Finding extends Found {
  /** The check, as in docs/operation.md. */
  readonly check: string;
}

/** One kind of examination. It only reads. */
export interface Check<Facts> {
  readonly name: string;
  /** Not run while the secret store is away, which is a finding of its own. */
  readonly needsVault?: boolean;
  /** May stop after `MAX_FOUND` and one more. */
  run(facts: Facts): Promise<readonly Found[]>;
}

/** Findings of one check about one tenant, so that a damaged directory does not fill the screen or the memory. */
export const MAX_FOUND = 20;
