import { Module } from '@nestjs/common';
import { AuditStore } from '../audit/audit-record.ts';
import { AuditTrail } from '../audit/audit-trail.ts';
import { ReplayProtection } from '../replay/replay-protection.ts';
import { CONFIG } from '../config/config-token.ts';
import type { Config } from '../config/config.ts';
import { DirectoryModule, SUBJECT_DIRECTORIES } from '../directory/directory.module.ts';
import type { SubjectDirectories } from '../directory/subject.ts';
import { FailureLimits } from '../rate-limit/failure-limits.ts';
import { IssuingModule } from '../issuing/issuing.module.ts';
import { JwtIssuer } from '../issuing/jwt-issuer.ts';
import { Log } from '../logging/log.ts';
import { Metrics } from '../metrics/metrics.ts';
import { IssueGate } from '../revocation/issue-gate.ts';
import { SecretUses } from '../clients/secret-uses.ts';
import { TenantRepository } from '../tenancy/tenant.repository.ts';
import { VaultService } from '../vault/vault.service.ts';
import { Clock } from '../domain/clock.ts';
import { ClientSecrets } from '../clients/client-secrets.ts';
import { GenerateToken } from './grants/client-secret/generate-token.ts';
import { TOKEN_DESK, type TokenDesk } from './token-desk.ts';

/** The one path to a token, which federation leads to as well, and the door of generateToken. */
@Module({
  imports: [IssuingModule, DirectoryModule],
  providers: [
    {
      provide: ClientSecrets,
      inject: [CONFIG, VaultService, TenantRepository, Clock, Log, Metrics],
      useFactory: (
        config: Config,
        vault: VaultService,
        tenants: TenantRepository,
        clock: Clock,
        log: Log,
        metrics: Metrics,
      ) => {
        const cache = metrics.cache('client_secrets');
        const secrets = new ClientSecrets({ vault, clock, log, maxAgeSeconds: config.caches.vaultSeconds, cache });
        tenants.subscribe((tenantId) => {
          secrets.forget(tenantId);
        });
        return secrets;
      },
    },
    { provide: AuditTrail, inject: [AuditStore], useFactory: (store: AuditStore) => new AuditTrail(store) },
    {
      provide: TOKEN_DESK,
      inject: [
        CONFIG,
        Clock,
        IssueGate,
        TenantRepository,
        SUBJECT_DIRECTORIES,
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
  exports: [GenerateToken, TOKEN_DESK, ClientSecrets],
})
export class TokenGrantsModule {}
