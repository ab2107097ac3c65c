import { Controller, Get, Inject, Injectable, Logger, Module, Req, type Type, UseGuards } from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { Strategy } from 'passport-jwt';
import type { VerifiedToken } from '@tessera/token';
import { TesseraClientModule } from '../index.ts';
import { TesseraStrategy } from '../passport.ts';
import { TestTessera } from '../testing.ts';

const shop = new TestTessera({ audience: 'shop-api', tenants: ['acme'] });
const partners = new TestTessera({ audience: 'partner-api', tenants: ['globex'] });

@Controller('shop')
@UseGuards(AuthGuard('jwt'))
class ShopController {
  @Get()
  list(@Req() { user }: { readonly user: VerifiedToken }) {
    return user.tenantId;
  }
}

@Injectable()
class PartnersStrategy extends TesseraStrategy {
  static override readonly passportName = 'partners';
}

@Controller('partners')
@UseGuards(AuthGuard('partners'))
class PartnersController {
  @Get()
  list(@Req() { user }: { readonly user: VerifiedToken }) {
    return user.tenantId;
  }
}

/** The strategy that the application had before. */
@Injectable()
class OldStrategy extends PassportStrategy(Strategy) {
  constructor() {
    super({ jwtFromRequest: () => 'anything', secretOrKey: 'weak' });
  }

  validate() {
    return { tenantId: 'anybody' };
  }
}

function feature(tessera: TestTessera, controllers: Type[], providers: Type[]): Type {
  @Module({
    imports: [TesseraClientModule.forRoot({ ...tessera.clientOptions, guard: 'manual', isGlobal: false })],
    controllers,
    providers,
  })
  class Feature {}
  return Feature;
}
const shopFeature = (...more: Type[]) => feature(shop, [ShopController], [TesseraStrategy, ...more]);

const running: NestFastifyApplication[] = [];
afterEach(async () => {
  for (const app of running.splice(0)) await app.close();
});

async function start(...imports: Type[]): Promise<NestFastifyApplication> {
  const module = await Test.createTestingModule({ imports }).compile();
  const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
  app.useLogger(false);
  await app.init();
  running.push(app);
  await app.getHttpAdapter().getInstance().ready();
  return app;
}

async function ask(app: NestFastifyApplication, url: string, tessera: TestTessera) {
  const { statusCode, body } = await app.inject({ url, headers: { authorization: `Bearer ${tessera.token()}` } });
  return statusCode === 200 ? body : statusCode;
}

describe('two strategies in one application', () => {
  it('take the tokens of their own module, each under its own name', async () => {
    const app = await start(shopFeature(), feature(partners, [PartnersController], [PartnersStrategy]));
    expect(await ask(app, '/shop', shop)).toBe('acme');
    expect(await ask(app, '/partners', partners)).toBe('globex');
    expect(await ask(app, '/shop', partners)).toBe(401);
    expect(await ask(app, '/partners', shop)).toBe(401);
  });

  it('do not start under one name', async () => {
    const both = start(shopFeature(), feature(partners, [], [TesseraStrategy]));
    await expect(both).rejects.toThrow(TypeError);
    await expect(both).rejects.toThrow(/same passport name 'jwt'.* static readonly passportName$/);
  });

  it('may be one class in two modules that share the verifier', async () => {
    @Module({ imports: [TesseraClientModule.forRoot({ ...shop.clientOptions, guard: 'manual' })] })
    class Root {}
    @Module({ controllers: [ShopController], providers: [TesseraStrategy] })
    class One {}
    @Module({ providers: [TesseraStrategy] })
    class Two {}
    expect(await ask(await start(Root, One, Two), '/shop', shop)).toBe('acme');
  });
});

describe('a strategy that the application had before', () => {
  it('stops the start if it is still there and would be asked', async () => {
    @Injectable()
    class LaterStrategy extends OldStrategy {
      // Made after the TesseraStrategy, as passport keeps the last one.
      constructor(@Inject(TesseraStrategy) readonly first: TesseraStrategy) {
        super();
      }
    }
    await expect(start(shopFeature(LaterStrategy))).rejects.toThrow(
      /TesseraStrategy and another strategy.*remove that one/,
    );
  });

  it('is never asked if it was made before', async () => {
    new OldStrategy();
    const app = await start(shopFeature());
    expect(await ask(app, '/shop', shop)).toBe('acme');
    expect(await ask(app, '/shop', partners)).toBe(401);
  });
});

describe('two applications in one process', () => {
  it('do not start under one name, and the first goes on with its own tokens', async () => {
    const first = await start(shopFeature());
    const second = start(feature(partners, [], [TesseraStrategy]));
    await expect(second).rejects.toThrow(/another application in this process.*'jwt': close it first/);
    expect(await ask(first, '/shop', shop)).toBe('acme');
    expect(await ask(first, '/shop', partners)).toBe(401);
  });

  it('start under two names', async () => {
    const first = await start(shopFeature());
    const second = await start(feature(partners, [PartnersController], [PartnersStrategy]));
    expect(await ask(first, '/shop', shop)).toBe('acme');
    expect(await ask(second, '/partners', partners)).toBe('globex');
  });

  it('start under one name one after the other', async () => {
    await (await start(shopFeature())).close();
    running.length = 0;
    expect(await ask(await start(shopFeature()), '/shop', shop)).toBe('acme');
  });

  it('start under one name after an application that did not start', async () => {
    await expect(start(shopFeature(), feature(partners, [], [TesseraStrategy]))).rejects.toThrow(TypeError);
    expect(await ask(await start(shopFeature()), '/shop', shop)).toBe('acme');
  });
});

it('logs at debug why a token was refused, with the issuer of an untrusted one', async () => {
  const app = await start(shopFeature());
  const lines: unknown[] = [];
  const ignore = () => undefined;
  Logger.overrideLogger({ log: ignore, warn: ignore, error: ignore, debug: (line: unknown) => lines.push(line) });
  expect(await ask(app, '/shop', partners)).toBe(401);
  await app.inject({ url: '/shop' });
  Logger.overrideLogger(false);
  expect(lines).toEqual([
    expect.stringContaining(
      'the token names "https://tessera.test/tenants/globex"; trusted: "https://tessera.test/tenants/acme"',
    ),
    'TOKEN_MALFORMED: no Authorization header',
  ]);
});
