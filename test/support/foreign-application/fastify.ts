import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { OrdersModule } from './orders.module.ts';

async function start(): Promise<void> {
  const app = await NestFactory.create<NestFastifyApplication>(OrdersModule, new FastifyAdapter());
  await app.listen(0, '127.0.0.1');
  console.log(`listening on ${await app.getUrl()}`);
}

void start();
