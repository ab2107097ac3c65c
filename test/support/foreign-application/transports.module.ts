import 'reflect-metadata';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  type INestApplication,
  Module,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { MessagePattern, type MicroserviceOptions, Payload, Transport } from '@nestjs/microservices';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { RequireScopes, Tenant, TesseraClientModule, TesseraGuard, Token } from '@tessera/client';
import type { VerifiedToken } from '@tessera/token';

/** With the package ws, Nest 11 emits `exception` on its own side of the connection only. Nest 12 sends it. */
@Catch(WsException)
export class SendExceptions implements ExceptionFilter<WsException> {
  catch(exception: WsException, host: ArgumentsHost): void {
    const client = host.switchToWs().getClient<{ send(text: string): void }>();
    client.send(JSON.stringify({ event: 'exception', data: exception.getError() }));
  }
}

/** Nest 11 asks no global guards at gateways. */
@WebSocketGateway({ path: '/gateway' })
@UseFilters(SendExceptions)
@UseGuards(TesseraGuard)
export class OrdersGateway {
  @SubscribeMessage('orders')
  @RequireScopes('orders:read')
  list(@Token() token: VerifiedToken) {
    return { event: 'orders', data: token.subject };
  }

  @SubscribeMessage('delete')
  @RequireScopes('orders:delete')
  remove() {
    return { event: 'delete', data: 'deleted' };
  }
}

@Controller()
export class OrdersMessagesController {
  @MessagePattern('orders')
  @RequireScopes('orders:read')
  list(@Payload() { order }: { readonly order: string }, @Tenant() tenant: string) {
    return `order ${order} of ${tenant}`;
  }

  @MessagePattern('delete')
  @RequireScopes('orders:delete')
  remove() {
    return 'deleted';
  }

  @Get('orders')
  @RequireScopes('orders:read')
  ofRequest(@Tenant() tenant: string) {
    return { tenant };
  }
}

@Module({
  imports: [
    TesseraClientModule.forRoot({
      baseUrl: process.env['TESSERA_URL'] ?? 'https://tessera.example',
      tenants: 'all',
      audience: 'shop-api',
      extractToken: (context: ExecutionContext) =>
        context.getArgByIndex<{ readonly token?: string }>(context.getType() === 'ws' ? 1 : 0).token,
    }),
  ],
  controllers: [OrdersMessagesController],
  providers: [OrdersGateway],
})
export class TransportsModule {}

/** A hybrid application: HTTP and WebSocket on one port, a microservice over TCP on another. */
export async function listenOnAll(app: INestApplication): Promise<void> {
  app.useWebSocketAdapter(new WsAdapter(app));
  const options: MicroserviceOptions = { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } };
  const microservice = app.connectMicroservice<MicroserviceOptions>(options, { inheritAppConfig: true });
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  const { port } = microservice.unwrap<{ address(): { readonly port: number } }>().address();
  console.log(`rpc on ${String(port)}`);
  console.log(`listening on ${await app.getUrl()}`);
}
