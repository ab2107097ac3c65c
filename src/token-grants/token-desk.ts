import type { AuditTrail } from '../audit/audit-trail.ts';
import type { ReplayProtection } from '../replay/replay-protection.ts';
import type { SubjectDirectories } from '../directory/subject.ts';
import type { JwtIssuer } from '../issuing/jwt-issuer.ts';
import type { IssueGate } from '../revocation/issue-gate.ts';
import type { TenantRepository } from '../tenancy/tenant.repository.ts';
import type { Clock } from '../domain/clock.ts';

/** What the path to a token works with; the same for every door. Injected by `TOKEN_DESK`. */
export interface TokenDesk {
  /** The base of every issuer. */
  readonly publicUrl: string;
  readonly clock: Clock;
  readonly gate: IssueGate;
  readonly tenants: TenantRepository;
  readonly directories: SubjectDirectories;
  readonly issuer: JwtIssuer;
  readonly trail: AuditTrail;
  readonly spentProofs: ReplayProtection;
}

export const TOKEN_DESK = Symbol('TokenDesk');
