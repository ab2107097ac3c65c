import { Injectable, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  TESSERA_CLIENT_OPTIONS,
  TesseraClientModule,
  type TesseraClientOptions,
  type TesseraClientOptionsFactory,
  TesseraGuard,
  TesseraTokens,
  TesseraVerifier,
} from './index.ts';
import { TestTessera } from './testing.ts';

const tessera = new TestTessera();

@Injectable()
class OptionsFactory implements TesseraClientOptionsFactory {
  createTesseraClientOptions(): TesseraClientOptions {
    return tessera.clientOptions;
  }
}

@Module({ providers: [OptionsFactory], exports: [OptionsFactory] })
class OptionsModule {}

describe('TesseraClientModule', () => {
  it.each([
    ['forRoot', TesseraClientModule.forRoot(tessera.clientOptions)],
    ['forRootAsync, useFactory', TesseraClientModule.forRootAsync({ useFactory: () => tessera.clientOptions })],
    ['forRootAsync, useClass', TesseraClientModule.forRootAsync({ useClass: OptionsFactory })],
    [
      'forRootAsync, useExisting',
      TesseraClientModule.forRootAsync({ imports: [OptionsModule], useExisting: OptionsFactory, guard: 'manual' }),
    ],
    [
      'forRootAsync, inject',
      TesseraClientModule.forRootAsync({
        imports: [OptionsModule],
        inject: [OptionsFactory],
        useFactory: (factory: OptionsFactory) => factory.createTesseraClientOptions(),
      }),
    ],
  ])('by %s provides guard, verifier and tokens', async (_, imported) => {
    const app = await Test.createTestingModule({ imports: [imported] }).compile();
    await app.init();
    expect(app.get(TesseraGuard)).toBeInstanceOf(TesseraGuard);
    expect((await app.get(TesseraVerifier).verify(tessera.token())).tenantId).toBe('acme');
    expect((await app.get(TesseraTokens).headers()).authorization).toMatch(/^Bearer /);
    await app.close();
  });

  it('starts in a worker without HTTP while Tessera is unreachable', async () => {
    @Module({
      imports: [TesseraClientModule.forRoot({ baseUrl: 'http://127.0.0.1:9', tenants: 'all', audience: 'shop-api' })],
    })
    class Worker {}
    Logger.overrideLogger(false);
    const worker = await NestFactory.createApplicationContext(Worker);
    expect(worker.get(TesseraTokens)).toBeInstanceOf(TesseraTokens);
    await worker.close();
  });

  it('is global, unless isGlobal is false', async () => {
    @Injectable()
    class Consumer {
      constructor(readonly tokens: TesseraTokens) {}
    }
    @Module({ providers: [Consumer] })
    class Feature {}
    const start = (isGlobal: boolean) =>
      Test.createTestingModule({
        imports: [TesseraClientModule.forRoot({ ...tessera.clientOptions, isGlobal }), Feature],
      }).compile();
    expect((await start(true)).get(Consumer, { strict: false }).tokens).toBeInstanceOf(TesseraTokens);
    await expect(start(false)).rejects.toThrow(/can't resolve dependencies of the Consumer/);
  });

  it('closes the verifier with the module', async () => {
    const app = await Test.createTestingModule({
      imports: [TesseraClientModule.forRoot(tessera.clientOptions)],
    }).compile();
    await app.init();
    const verifier = app.get(TesseraVerifier);
    await app.close();
    await expect(verifier.verify(tessera.token())).rejects.toMatchObject({ code: 'KEYS_UNAVAILABLE' });
  });

  it('keeps its options under a registered symbol', () => {
    expect(TESSERA_CLIENT_OPTIONS).toBe(Symbol.for('@tessera/client/options'));
  });
});
