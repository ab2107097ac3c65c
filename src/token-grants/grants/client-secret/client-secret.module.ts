import { Module } from '@nestjs/common';
import { ClientsModule } from '../../../clients/clients.module.ts';
import { ClientSecretGrant } from './client-secret.grant.ts';

/** The grant of generateToken. */
@Module({
  imports: [ClientsModule],
  providers: [ClientSecretGrant],
  exports: [ClientSecretGrant],
})
export class ClientSecretModule {}
