import { type CanonicalEmail, parseEmail } from '../domain/email.ts';
import type { Status } from '../domain/status.ts';

/** An administrator of one tenant, as stored in the control plane. */
export interface Administrator {
  readonly id: string;
  /** As the operator wrote it; compared in canonical form. */
  readonly email: string;
  readonly status: Status;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly identities: readonly LinkedIdentity[];
}

/** A person at a trusted issuer. Both members are compared exactly: see linked-identity.ts. */
export interface LinkedIdentity {
  /** The issuer's URL, not its id in the tenants file. */
  readonly issuer: string;
  readonly sub: string;
}

/** Whether this is the administrator's address, as at sign-in. */
export function hasAddress({ email }: Administrator, canonical: CanonicalEmail): boolean {
  return parseEmail(email)?.canonical === canonical;
}
