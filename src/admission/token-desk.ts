import type { AuditTrail } from '../audit/audit-trail.ts';
import type { SpentProofs } from '../audit/spending.ts';
import type { SubjectDirectories } from '../directory/subject.ts';
import type { JwtIssuer } from '../issuing/jwt-issuer.ts';
import type { TenantRepository } from '../tenancy/tenant.repository.ts';
import type { Clock } from '../vocabulary/clock.ts';

export interface TokenDeskParts {
  /** The base of every issuer. */
  readonly publicUrl: string;
  readonly clock: Clock;
  readonly tenants: TenantRepository;
  readonly directories: SubjectDirectories;
  readonly issuer: JwtIssuer;
  readonly trail: AuditTrail;
  readonly spentProofs: SpentProofs;
}

/** What the path to a token works with; the same for every door. */
export class TokenDesk implements TokenDeskParts {
  readonly publicUrl: string;
  readonly clock: Clock;
  readonly tenants: TenantRepository;
  readonly directories: SubjectDirectories;
  readonly issuer: JwtIssuer;
  readonly trail: AuditTrail;
  readonly spentProofs: SpentProofs;

  constructor(parts: TokenDeskParts) {
    this.publicUrl = parts.publicUrl;
    this.clock = parts.clock;
    this.tenants = parts.tenants;
    this.directories = parts.directories;
    this.issuer = parts.issuer;
    this.trail = parts.trail;
    this.spentProofs = parts.spentProofs;
  }
}
