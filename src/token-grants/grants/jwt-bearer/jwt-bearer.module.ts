import { Module } from '@nestjs/common';
import { ClientsModule } from '../../../clients/clients.module.ts';
import { IdentityProvidersModule } from '../../../identity-providers/identity-providers.module.ts';
import { JwtBearerGrant } from './jwt-bearer.grant.ts';

/** The grant of RFC 7523. */
@Module({
  imports: [ClientsModule, IdentityProvidersModule],
  providers: [JwtBearerGrant],
  exports: [JwtBearerGrant],
})
export class JwtBearerModule {}
