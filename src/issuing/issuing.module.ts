import { Module } from '@nestjs/common';
import { KeysModule } from '../keys/keys.module.ts';
import { BatchSigner } from './batch-signer.ts';
import { JwtIssuer } from './jwt-issuer.ts';

/** Signs claims as tokens. */
@Module({
  imports: [KeysModule],
  providers: [BatchSigner, JwtIssuer],
  exports: [JwtIssuer],
})
export class IssuingModule {}
