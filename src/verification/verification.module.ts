import { Module } from '@nestjs/common';
import { TokenGrantsModule } from '../token-grants/token-grants.module.ts';
import { ClientsModule } from '../clients/clients.module.ts';
import { ClientSecrets } from '../clients/client-secrets.ts';
import { TOKEN_DESK, type TokenDesk } from '../token-grants/token-desk.ts';
import { RateLimitModule } from '../rate-limit/rate-limit.module.ts';
import { FailureLimits } from '../rate-limit/failure-limits.ts';
import { OwnTokensModule } from './own-tokens.module.ts';
import { OwnTokenVerifier } from './own-tokens.ts';
import { Log } from '../logging/log.ts';
import { RevocationModule } from '../revocation/revocation.module.ts';
import { Revoker } from '../revocation/revoker.ts';
import { SecretUses } from '../clients/secret-uses.ts';
import { SecondVerification } from './second-verification.ts';
import { TenantTokensController } from './tenant-tokens.controller.ts';
import { TokenStatus } from './token-status.ts';
import { ValidateController } from './validate.controller.ts';
import { ValidateJwtStrategy } from './validate-jwt.strategy.ts';
import { VerifyToken } from './verify-token.ts';

/** Judging tokens over HTTP, for callers without a library. */
@Module({
  imports: [ClientsModule, OwnTokensModule, RateLimitModule, RevocationModule, TokenGrantsModule],
  controllers: [ValidateController, TenantTokensController],
  providers: [
    SecondVerification,
    ValidateJwtStrategy,
    {
      provide: VerifyToken,
      inject: [OwnTokenVerifier],
      useFactory: (tokens: OwnTokenVerifier) => new VerifyToken(tokens),
    },
    {
      provide: TokenStatus,
      inject: [TOKEN_DESK, ClientSecrets, SecretUses, FailureLimits, OwnTokenVerifier, Revoker, Log],
      useFactory: (
        desk: TokenDesk,
        secrets: ClientSecrets,
        secretUses: SecretUses,
        limits: FailureLimits,
        tokens: OwnTokenVerifier,
        revoker: Revoker,
        log: Log,
      ) => new TokenStatus({ desk, secrets, secretUses, limits, tokens, revoker, log }),
    },
  ],
  exports: [VerifyToken, SecondVerification],
})
export class VerificationModule {}
