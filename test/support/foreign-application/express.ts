import { NestFactory } from '@nestjs/core';
import { OrdersModule } from './orders.module.ts';

/** Without an adapter Nest uses Express. */
async function start(): Promise<void> {
  const app = await NestFactory.create(OrdersModule);
  await app.listen(0, '127.0.0.1');
  console.log(`listening on ${await app.getUrl()}`);
}

void start();
