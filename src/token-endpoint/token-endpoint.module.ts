import { Module } from '@nestjs/common';
import { TokenGrantsModule } from '../token-grants/token-grants.module.ts';
import { OfferedGrants } from './offered-grants.ts';
import { TokenEndpointController } from './token-endpoint.controller.ts';

/** `POST /tenants/{tenant}/token`. */
@Module({
  imports: [TokenGrantsModule],
  controllers: [TokenEndpointController],
  providers: [OfferedGrants],
})
export class TokenEndpointModule {}
