import { Module } from '@nestjs/common';
import { ClientsModule } from '../../../clients/clients.module.ts';
import { OwnTokensModule } from '../../../verification/own-tokens.module.ts';
import { TokenExchangeGrant } from './token-exchange.grant.ts';

/** The grant of RFC 8693. */
@Module({
  imports: [ClientsModule, OwnTokensModule],
  providers: [TokenExchangeGrant],
  exports: [TokenExchangeGrant],
})
export class TokenExchangeModule {}
