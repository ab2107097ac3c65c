import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { SubgraphModule } from './subgraph.module.ts';
import { listenOnAll, TransportsModule } from './transports.module.ts';

@Module({ imports: [TransportsModule, SubgraphModule] })
class AllModule {}

void NestFactory.create<NestFastifyApplication>(AllModule, new FastifyAdapter()).then(listenOnAll);
