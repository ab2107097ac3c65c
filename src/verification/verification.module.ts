import { Module } from '@nestjs/common';
import { AdmissionModule } from '../admission/admission.module.ts';
import { ClientSecrets } from '../admission/client-secrets.ts';
import { TOKEN_DESK, type TokenDesk } from '../admission/token-desk.ts';
import { FailureLimits } from '../http/failure-limits.ts';
import { IssuingModule } from '../issuing/issuing.module.ts';
import { OwnTokenVerifier } from '../issuing/own-tokens.ts';
import { Log } from '../log/log.ts';
import { Revoker } from '../revocation/revoker.ts';
import { SecretUses } from '../tenancy/secret-uses.ts';
import { TenantTokensController } from './tenant-tokens.controller.ts';
import { TokenStatus } from './token-status.ts';
import { ValidateController } from './validate.controller.ts';
import { VerifyToken } from './verify-token.ts';

/** Judging tokens over HTTP, for callers without a library. */
@Module({
  imports: [IssuingModule, AdmissionModule],
  controllers: [ValidateController, TenantTokensController],
  providers: [
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
  exports: [VerifyToken],
})
export class VerificationModule {}
