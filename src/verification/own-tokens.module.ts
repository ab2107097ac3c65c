import { Module } from '@nestjs/common';
import { BearerAuthenticator } from '../http/routes/bearer-authenticator.ts';
import { KeysModule } from '../keys/keys.module.ts';
import { RevocationModule } from '../revocation/revocation.module.ts';
import { OwnBearerAuthenticator } from './own-bearer.authenticator.ts';
import { OwnTokenVerifier } from './own-tokens.ts';

/** Verifies tokens that this service issued, for its own bearer routes. */
@Module({
  imports: [KeysModule, RevocationModule],
  providers: [OwnTokenVerifier, { provide: BearerAuthenticator, useClass: OwnBearerAuthenticator }],
  exports: [OwnTokenVerifier, BearerAuthenticator],
})
export class OwnTokensModule {}
