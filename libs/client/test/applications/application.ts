import { type INestApplication, type ModuleMetadata } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test, type TestingModule } from '@nestjs/testing';
import type { AddressInfo } from 'node:net';
import {
  TESSERA_CLIENT_OPTIONS,
  type TesseraClientExtras,
  TesseraClientModule,
  type TesseraClientOptions,
} from '../../src/index.ts';
import { TestTessera } from '../../src/testing.ts';

/** Issues the tokens that the applications of this folder trust. */
export const tessera = new TestTessera({ audience: 'shop-api', tenants: ['acme', 'globex'] });

export interface ApplicationParts extends Pick<ModuleMetadata, 'controllers' | 'imports' | 'providers'> {
  /** Added to the options of `tessera`. */
  readonly options?: Partial<TesseraClientOptions>;
  readonly extras?: TesseraClientExtras;
}

/** An application with TesseraClientModule and the given parts, not yet initialized. */
export async function compileApplication({ options, extras, ...parts }: ApplicationParts): Promise<TestingModule> {
  const production = { baseUrl: 'https://tessera.example', tenants: 'all', audience: 'shop-api' } as const;
  return Test.createTestingModule({
    ...parts,
    imports: [TesseraClientModule.forRoot({ ...production, ...extras }), ...(parts.imports ?? [])],
  })
    .overrideProvider(TESSERA_CLIENT_OPTIONS)
    .useValue({ ...tessera.clientOptions, ...options })
    .compile();
}

/** Compiles the parts as an application on Fastify. It does not listen yet. */
export async function createFastifyApplication(parts: ApplicationParts): Promise<NestFastifyApplication> {
  const app = (await compileApplication(parts)).createNestApplication<NestFastifyApplication>(new FastifyAdapter());
  app.useLogger(false);
  return app;
}

/** Listens on a free port of 127.0.0.1. If the start fails, the application is closed. */
export async function listen(app: INestApplication): Promise<number> {
  try {
    await app.listen(0, '127.0.0.1');
  } catch (error) {
    await app.close();
    throw error;
  }
  return ((app as NestFastifyApplication).getHttpServer().address() as AddressInfo).port;
}

/** Headers with this bearer token, or none. */
export function bearerHeaders(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}
