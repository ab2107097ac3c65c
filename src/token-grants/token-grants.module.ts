import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { DirectoryModule } from '../directory/directory.module.ts';
import { IssuingModule } from '../issuing/issuing.module.ts';
import { RateLimitModule } from '../rate-limit/rate-limit.module.ts';
import { ReplayModule } from '../replay/replay.module.ts';
import { RevocationModule } from '../revocation/revocation.module.ts';
import { TenancyModule } from '../tenancy/tenancy.module.ts';
import { ClientSecretModule } from './grants/client-secret/client-secret.module.ts';
import { OidcExchangeModule } from './grants/oidc-exchange/oidc-exchange.module.ts';
import { TokenPipeline } from './token-pipeline.ts';

/** The token pipeline and its grants. */
@Module({
  imports: [
    AuditModule,
    ClientSecretModule,
    DirectoryModule,
    IssuingModule,
    OidcExchangeModule,
    RateLimitModule,
    ReplayModule,
    RevocationModule,
    TenancyModule,
  ],
  providers: [TokenPipeline],
  exports: [TokenPipeline, ClientSecretModule, OidcExchangeModule],
})
export class TokenGrantsModule {}
