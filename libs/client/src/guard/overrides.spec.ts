import { Controller, Get, UseGuards } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { TesseraClientModule, TesseraGuard } from '../index.ts';
import { TestTessera } from '../testing.ts';

@Controller('orders')
class OrdersController {
  @Get()
  list() {
    return 'in';
  }
}

@Controller('orders')
@UseGuards(TesseraGuard)
class GuardedController extends OrdersController {}

const OPEN = { canActivate: () => true };
const withProvider = (builder: TestingModuleBuilder) => builder.overrideProvider(TesseraGuard).useValue(OPEN);
const withGuard = (builder: TestingModuleBuilder) => builder.overrideGuard(TesseraGuard).useValue(OPEN);

describe('in a test, without a token', () => {
  it.each([
    ['overrideProvider(TesseraGuard)', 'global', withProvider, 200],
    ['overrideGuard(TesseraGuard)', 'global', withGuard, 401],
    ['overrideGuard(TesseraGuard)', 'manual', withGuard, 200],
    ['overrideProvider(TesseraGuard)', 'manual', withProvider, 401],
  ] as const)('%s with a %s guard answers', async (_, guard, override, status) => {
    const builder = Test.createTestingModule({
      imports: [TesseraClientModule.forRoot({ ...new TestTessera().clientOptions, guard })],
      controllers: [guard === 'global' ? OrdersController : GuardedController],
    });
    const app = (await override(builder).compile()).createNestApplication<NestFastifyApplication>(new FastifyAdapter());
    app.useLogger(false);
    await app.init();
    expect((await app.inject({ url: '/orders' })).statusCode).toBe(status);
    await app.close();
  });
});
