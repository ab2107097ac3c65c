import type { Status } from '../domain/status.ts';

/** An administrator of one tenant, as the control plane keeps it. */
export interface Administrator {
  readonly id: string;
  /** The operator's own writing; compared by its canonical form. */
  readonly email: string;
  readonly status: Status;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly identities: readonly LinkedIdentity[];
}

/** A person at a foreign issuer: both exact, printable ASCII. */
export interface LinkedIdentity {
  /** The issuer's URL, not the trust's id. */
  readonly issuer: string;
  readonly sub: string;
}
