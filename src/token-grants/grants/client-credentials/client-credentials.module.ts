import { Module } from '@nestjs/common';
import { ClientsModule } from '../../../clients/clients.module.ts';
import { ClientCredentialsGrant } from './client-credentials.grant.ts';

/** The grant `client_credentials`. */
@Module({
  imports: [ClientsModule],
  providers: [ClientCredentialsGrant],
  exports: [ClientCredentialsGrant],
})
export class ClientCredentialsModule {}
