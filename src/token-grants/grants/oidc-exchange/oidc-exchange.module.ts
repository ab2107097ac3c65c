import { Module } from '@nestjs/common';
import { DirectoryModule } from '../../../directory/directory.module.ts';
import { IdentityProvidersModule } from '../../../identity-providers/identity-providers.module.ts';
import { OwnTokensModule } from '../../../verification/own-tokens.module.ts';
import { OidcExchangeGrant } from './oidc-exchange.grant.ts';

/** The grant of oidcToken. */
@Module({
  imports: [DirectoryModule, IdentityProvidersModule, OwnTokensModule],
  providers: [OidcExchangeGrant],
  exports: [OidcExchangeGrant],
})
export class OidcExchangeModule {}
