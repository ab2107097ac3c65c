/**
 * One Nest route, protected as the README of @tessera/client says: the module with its global guard, one required scope. `node --import
 * ./scripts/typescript.mjs bench/servers/guarded-route.ts PORT KEYS`, after `npm run build`: it loads the library as it is published.
 */
import { Controller, Get, Module } from '@nestjs/common';
import { RequireScopes, TesseraClientModule, Token, type VerifiedToken } from '@tessera/client';
import { SAMPLE } from '../sample/sample-request.ts';
import { ISSUER } from '../sample/sample-token.ts';
import { keySetFromFile, serve } from './serve.ts';

@Controller('orders')
class OrdersController {
  @Get()
  @RequireScopes('orders:read')
  list(@Token() token: VerifiedToken): object {
    return { subject: token.subject, orders: [] };
  }
}

@Module({
  imports: [
    TesseraClientModule.forRoot({
      issuers: [{ issuer: ISSUER, jwks: { keys: [...keySetFromFile().keys] } }],
      audience: SAMPLE.audience,
    }),
  ],
  controllers: [OrdersController],
})
class OrdersModule {}

await serve(OrdersModule);
