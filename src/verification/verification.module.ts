import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { ClientsModule } from '../clients/clients.module.ts';
import { RateLimitModule } from '../rate-limit/rate-limit.module.ts';
import { RevocationModule } from '../revocation/revocation.module.ts';
import { TenancyModule } from '../tenancy/tenancy.module.ts';
import { OwnTokensModule } from './own-tokens.module.ts';
import { SecondVerification } from './second-implementation/second-verification.ts';
import { TenantTokensController } from './token-status/tenant-tokens.controller.ts';
import { TokenStatus } from './token-status/token-status.ts';
import { ValidateController } from './validate.controller.ts';
import { ValidateJwtStrategy } from './second-implementation/validate-jwt.strategy.ts';
import { VerifyToken } from './verify-token.ts';

/** Verification of tokens over HTTP, for callers without a library. */
@Module({
  imports: [AuditModule, ClientsModule, OwnTokensModule, RateLimitModule, RevocationModule, TenancyModule],
  controllers: [ValidateController, TenantTokensController],
  providers: [SecondVerification, TokenStatus, ValidateJwtStrategy, VerifyToken],
  exports: [SecondVerification, VerifyToken],
})
export class VerificationModule {}
