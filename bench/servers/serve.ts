import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import type { JsonWebKey } from 'node:crypto';
import { argv } from 'node:process';
import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';

/** The arguments of both servers: `file.ts PORT KEYS`, where KEYS is a file with a JWK set. */
export function keySetFromFile(): { readonly keys: readonly JsonWebKey[] } {
  return JSON.parse(readFileSync(argv[3] ?? '', 'utf8')) as { keys: JsonWebKey[] };
}

/** Starts a Nest application with one module only. */
export async function serve(module: Type): Promise<void> {
  // Without the layer for Express middleware: the less both servers do besides the check, the better its cost shows.
  const adapter = new FastifyAdapter({ skipMiddie: true });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter);
  await app.listen(Number(argv[2]), '127.0.0.1');
}
