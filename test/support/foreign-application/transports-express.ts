import { NestFactory } from '@nestjs/core';
import { listenOnAll, TransportsModule } from './transports.module.ts';

void NestFactory.create(TransportsModule).then(listenOnAll);
