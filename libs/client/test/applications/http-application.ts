import { Logger, type LoggerService, type Provider, type Type } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { TESSERA_CLIENT_OPTIONS, TesseraClientModule } from '../../src/index.ts';
import type { TestTokenFields } from '../../src/testing.ts';
import { tessera } from './application.ts';

/** An application whose start is under test: it may be refused. */
export interface HttpApplication {
  readonly guard?: 'global' | 'manual';
  readonly controllers?: Type[];
  readonly providers?: Provider[];
  readonly override?: (builder: TestingModuleBuilder) => TestingModuleBuilder;
  readonly prepare?: (app: NestFastifyApplication) => void;
}

const applications: NestFastifyApplication[] = [];
/** What was logged since the last start, level first. */
export const logged: string[] = [];
const LOGGER: LoggerService = Object.fromEntries(
  ['log', 'error', 'warn', 'debug', 'fatal'].map((level) => [
    level,
    (message: unknown) => {
      logged.push(`${level}: ${String(message)}`);
    },
  ]),
) as unknown as LoggerService;

export async function startHttp({
  guard = 'global',
  controllers = [],
  providers = [],
  override = (builder) => builder,
  prepare = () => undefined,
}: HttpApplication): Promise<NestFastifyApplication> {
  logged.length = 0;
  const builder = Test.createTestingModule({
    imports: [TesseraClientModule.forRoot({ ...tessera.clientOptions, guard })],
    controllers,
    providers,
  })
    .overrideProvider(TESSERA_CLIENT_OPTIONS)
    .useValue(tessera.clientOptions);
  const module = await override(builder).compile();
  const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
  Logger.overrideLogger(LOGGER);
  applications.push(app);
  prepare(app);
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  return app;
}

export async function closeApplications(): Promise<void> {
  for (const app of applications.splice(0)) await app.close();
}

/** The message of the TypeError that stopped the start. Fails if none did. */
export async function refusalOfStart(start: Promise<unknown>): Promise<string> {
  const error: unknown = await start.then(
    async (started) => {
      // Or the failed test would keep the runner from ending.
      await (started as { readonly close?: () => Promise<void> } | undefined)?.close?.();
      return new Error('the application started');
    },
    (reason: unknown) => reason,
  );
  if (error instanceof TypeError) return error.message;
  throw error;
}

/** @param token undefined: no header */
export async function statusOf(app: NestFastifyApplication, url: string, token?: TestTokenFields): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${tessera.token(token)}` };
  return (await app.inject({ url, headers })).statusCode;
}
