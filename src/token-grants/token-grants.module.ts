import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { DirectoryModule } from '../directory/directory.module.ts';
import { IssuingModule } from '../issuing/issuing.module.ts';
import { RateLimitModule } from '../rate-limit/rate-limit.module.ts';
import { ReplayModule } from '../replay/replay.module.ts';
import { RevocationModule } from '../revocation/revocation.module.ts';
import { TenancyModule } from '../tenancy/tenancy.module.ts';
import { ClientCredentialsModule } from './grants/client-credentials/client-credentials.module.ts';
import { ClientSecretModule } from './grants/client-secret/client-secret.module.ts';
import { JwtBearerModule } from './grants/jwt-bearer/jwt-bearer.module.ts';
import { OidcExchangeModule } from './grants/oidc-exchange/oidc-exchange.module.ts';
import { TokenExchangeModule } from './grants/token-exchange/token-exchange.module.ts';
import { TokenPipeline } from './token-pipeline.ts';

/** The token pipeline and its grants. */
@Module({
  imports: [
    AuditModule,
    ClientCredentialsModule,
    ClientSecretModule,
    DirectoryModule,
    IssuingModule,
    JwtBearerModule,
    OidcExchangeModule,
    RateLimitModule,
    ReplayModule,
    RevocationModule,
    TenancyModule,
    TokenExchangeModule,
  ],
  providers: [TokenPipeline],
  exports: [
    TokenPipeline,
    ClientCredentialsModule,
    ClientSecretModule,
    JwtBearerModule,
    OidcExchangeModule,
    TokenExchangeModule,
  ],
})
export class TokenGrantsModule {}
