import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { AuditTrail } from '../audit/audit-trail.ts';
import { ReplayModule } from '../replay/replay.module.ts';
import { ReplayProtection } from '../replay/replay-protection.ts';
import { CONFIG } from '../config/config-token.ts';
import type { Config } from '../config/config.ts';
import { CachedSubjectDirectories } from '../directory/cached-subject.directories.ts';
import { DirectoryModule } from '../directory/directory.module.ts';
import type { SubjectDirectories } from '../directory/subject.ts';
import { RateLimitModule } from '../rate-limit/rate-limit.module.ts';
import { FailureLimits } from '../rate-limit/failure-limits.ts';
import { IssuingModule } from '../issuing/issuing.module.ts';
import { JwtIssuer } from '../issuing/jwt-issuer.ts';
import { Log } from '../logging/log.ts';
import { RevocationModule } from '../revocation/revocation.module.ts';
import { IssueGate } from '../revocation/issue-gate.ts';
import { ClientsModule } from '../clients/clients.module.ts';
import { SecretUses } from '../clients/secret-uses.ts';
import { TenancyModule } from '../tenancy/tenancy.module.ts';
import { TenantRepository } from '../tenancy/tenant.repository.ts';
import { Clock } from '../domain/clock.ts';
import { ClientSecrets } from '../clients/client-secrets.ts';
import { GenerateToken } from './grants/client-secret/generate-token.ts';
import { TOKEN_DESK, type TokenDesk } from './token-desk.ts';

/** The one path to a token, which federation leads to as well, and the door of generateToken. */
@Module({
  imports: [
    AuditModule,
    ClientsModule,
    DirectoryModule,
    IssuingModule,
    RateLimitModule,
    ReplayModule,
    RevocationModule,
    TenancyModule,
  ],
  providers: [
    {
      provide: TOKEN_DESK,
      inject: [
        CONFIG,
        Clock,
        IssueGate,
        TenantRepository,
        CachedSubjectDirectories,
        JwtIssuer,
        AuditTrail,
        ReplayProtection,
      ],
      useFactory: (
        { publicUrl }: Config,
        clock: Clock,
        gate: IssueGate,
        tenants: TenantRepository,
        directories: SubjectDirectories,
        issuer: JwtIssuer,
        trail: AuditTrail,
        spentProofs: ReplayProtection,
      ): TokenDesk => ({ publicUrl, clock, gate, tenants, directories, issuer, trail, spentProofs }),
    },
    {
      provide: GenerateToken,
      inject: [TOKEN_DESK, ClientSecrets, SecretUses, FailureLimits, Log],
      useFactory: (desk: TokenDesk, secrets: ClientSecrets, uses: SecretUses, limits: FailureLimits, log: Log) =>
        new GenerateToken(desk, secrets, uses, limits, log),
    },
  ],
  exports: [GenerateToken, TOKEN_DESK],
})
export class TokenGrantsModule {}
