import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { readSettings } from '../read-settings.ts';
import { STOCK_SETTINGS, StockModule } from './stock.module.ts';

const settings = readSettings(STOCK_SETTINGS);
const app = await NestFactory.create<NestFastifyApplication>(StockModule.register(settings), new FastifyAdapter());
// SIGTERM closes the modules, so that TesseraClientModule aborts its requests.
app.enableShutdownHooks();
await app.listen(settings.PORT, settings.HOST);
