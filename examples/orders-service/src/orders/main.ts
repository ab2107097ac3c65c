import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { readSettings } from '../read-settings.ts';
import { ORDERS_SETTINGS, OrdersModule } from './orders.module.ts';

const settings = readSettings(ORDERS_SETTINGS);
const app = await NestFactory.create<NestFastifyApplication>(OrdersModule.register(settings), new FastifyAdapter());
// SIGTERM closes the modules, so that TesseraClientModule aborts its requests.
app.enableShutdownHooks();
await app.listen(settings.PORT, settings.HOST);
