import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { ClientsModule } from '../clients/clients.module.ts';
import { DirectoryModule } from '../directory/directory.module.ts';
import { IssuingModule } from '../issuing/issuing.module.ts';
import { RateLimitModule } from '../rate-limit/rate-limit.module.ts';
import { ReplayModule } from '../replay/replay.module.ts';
import { RevocationModule } from '../revocation/revocation.module.ts';
import { TenancyModule } from '../tenancy/tenancy.module.ts';
import { ClientSecretGrant } from './grants/client-secret/client-secret.grant.ts';
import { TokenPipeline } from './token-pipeline.ts';

/** The token pipeline and the grant of generateToken. */
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
  providers: [TokenPipeline, ClientSecretGrant],
  exports: [TokenPipeline, ClientSecretGrant],
})
export class TokenGrantsModule {}
