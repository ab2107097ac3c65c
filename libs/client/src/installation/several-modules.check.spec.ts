import { Controller, type DynamicModule, Get, Logger, Module, UseGuards } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import {
  RequireFreshRevocations,
  RequireIssuer,
  RequireTenant,
  RequireScopes,
  Token,
  TesseraClientModule,
  TesseraGuard,
  type VerifiedToken,
} from '../index.ts';
import { TestTessera } from '../testing.ts';

const shop = new TestTessera({ audience: 'shop-api', tenants: ['acme'] });
const partners = new TestTessera({ audience: 'partner-api', tenants: ['globex'] });
const strangers = new TestTessera({ audience: 'shop-api', tenants: ['initech'] });

@Controller('orders')
class OrdersController {
  @Get()
  list(@Token() token: VerifiedToken) {
    return { tenant: token.tenantId };
  }

  @Get('read')
  @RequireScopes('orders:read')
  read() {
    return 'in';
  }

  @Get('fresh')
  @RequireFreshRevocations()
  fresh() {
    return 'in';
  }
}

@Controller('shop')
@UseGuards(TesseraGuard)
class ShopController {
  @Get()
  list(@Token() token: VerifiedToken) {
    return { tenant: token.tenantId };
  }
}

@Controller('partners')
@UseGuards(TesseraGuard)
class PartnersController {
  @Get()
  list(@Token() token: VerifiedToken) {
    return { tenant: token.tenantId };
  }
}

let app: NestFastifyApplication | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function start(definition: object): Promise<void> {
  @Module(definition)
  class AppModule {}
  Logger.overrideLogger(false);
  const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
  app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
  app.useLogger(false);
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
}

async function ask(url: string, token: string): Promise<number> {
  const { statusCode } = await app!.inject({ url, headers: { authorization: `Bearer ${token}` } });
  return statusCode;
}

describe('one module that trusts two issuers with alsoTrust', () => {
  const both = (ofEntry: object = {}): DynamicModule =>
    TesseraClientModule.forRoot({
      ...shop.clientOptions,
      alsoTrust: [{ ...partners.clientOptions, ...ofEntry }],
    });

  it('accepts the tokens of each, and refuses those of neither', async () => {
    await start({ imports: [both()], controllers: [OrdersController] });
    expect(await ask('/orders', shop.token())).toBe(200);
    expect(await ask('/orders', partners.token())).toBe(200);
    for (const token of [strangers.token(), shop.forgedToken(), partners.forgedToken()])
      expect(await ask('/orders', token)).toBe(401);
    expect(await ask('/orders', shop.token({ audience: 'partner-api' }))).toBe(401);
  });

  it('asks requirements with the token that it accepted', async () => {
    await start({ imports: [both()], controllers: [OrdersController] });
    for (const tessera of [shop, partners]) {
      expect(await ask('/orders/read', tessera.token({ scopes: ['orders:read'] }))).toBe(200);
      expect(await ask('/orders/read', tessera.token())).toBe(403);
    }
  });

  it('takes tenants of one id for one, unless the issuer is required as well', async () => {
    // The second Tessera has a tenant "acme" of its own.
    const [issuer, ofOther] = ['https://tessera.test/tenants/acme', 'https://partners.test/tenants/acme'];
    const other = new TestTessera({ audience: 'partner-api', tenants: ['acme'] });
    const [{ jwks } = { jwks: { keys: [] } }] = other.clientOptions.issuers;
    @Controller('acme')
    class AcmeController {
      @Get('tenant')
      @RequireTenant('acme')
      tenant() {
        return 'in';
      }

      @Get('issuer')
      @RequireTenant('acme')
      @RequireIssuer(issuer)
      issuer() {
        return 'in';
      }
    }
    const imports = [both({ ...other.clientOptions, issuers: [{ issuer: ofOther, jwks }] })];
    await start({ imports, controllers: [AcmeController] });
    const statuses = [shop.token(), other.token({ issuer: ofOther })].map(async (token) => [
      await ask('/acme/tenant', token),
      await ask('/acme/issuer', token),
    ]);
    expect(await Promise.all(statuses)).toEqual([
      [200, 200],
      [200, 403],
    ]);
  });

  it("follows each issuer's revocations", async () => {
    await start({ imports: [both()], controllers: [OrdersController] });
    for (const tessera of [shop, partners]) {
      const token = tessera.token();
      tessera.revoke(token);
      expect(await ask('/orders', token)).toBe(401);
    }
  });

  it('asks for fresh revocations of the issuer of the token', async () => {
    await start({ imports: [both({ revocations: 'off' })], controllers: [OrdersController] });
    expect(await ask('/orders/fresh', shop.token())).toBe(200);
    expect(await ask('/orders/fresh', partners.token())).toBe(503);
  });
});

describe('two modules with a guard each', () => {
  it('do not start with two global guards, and the error says what to write', async () => {
    const modules = [
      TesseraClientModule.forRoot(shop.clientOptions),
      TesseraClientModule.forRoot(partners.clientOptions),
    ];
    const refused = start({ imports: modules, controllers: [OrdersController] });
    await expect(refused).rejects.toThrow(TypeError);
    await expect(refused).rejects.toThrow(/two modules have guard: 'global'.* list the other issuers in alsoTrust/);
  });

  it('do not start with two global guards of which one is in a feature module', async () => {
    @Module({ imports: [TesseraClientModule.forRoot({ ...partners.clientOptions, isGlobal: false })] })
    class Feature {}
    const imports = [TesseraClientModule.forRoot(shop.clientOptions), Feature];
    await expect(start({ imports })).rejects.toThrow(/two modules have guard: 'global'/);
  });

  it('start with manual guards, and each route takes the tokens of its own module only', async () => {
    @Module({
      imports: [TesseraClientModule.forRoot({ ...shop.clientOptions, guard: 'manual', isGlobal: false })],
      controllers: [ShopController],
    })
    class Shop {}
    @Module({
      imports: [TesseraClientModule.forRoot({ ...partners.clientOptions, guard: 'manual', isGlobal: false })],
      controllers: [PartnersController],
    })
    class Partners {}
    await start({ imports: [Shop, Partners] });
    expect(await ask('/shop', shop.token())).toBe(200);
    expect(await ask('/partners', partners.token())).toBe(200);
    expect(await ask('/shop', partners.token())).toBe(401);
    expect(await ask('/partners', shop.token())).toBe(401);
  });

  const partnersFeature = (options: object) => {
    @Module({
      imports: [
        TesseraClientModule.forRoot({ ...partners.clientOptions, ...options, guard: 'manual', isGlobal: false }),
      ],
      controllers: [PartnersController],
    })
    class PartnersModule {}
    return PartnersModule;
  };

  it('do not start if one is global and the other trusts none of its issuers', async () => {
    const imports = [TesseraClientModule.forRoot(shop.clientOptions), partnersFeature({})];
    await expect(start({ imports })).rejects.toThrow(
      /PartnersModule has a TesseraGuard of its own, which trusts no issuer of the global guard.*alsoTrust/,
    );
  });

  it('start if one is global and the other accepts less of the same issuers', async () => {
    const all = { baseUrl: 'https://tessera.test', tenants: 'all', audience: 'partner-api' } as const;
    await start({ imports: [TesseraClientModule.forRoot(all), partnersFeature({})] });
  });

  it('do not start if both are global: a module that imports neither has the guard of one of them', async () => {
    @Module({ controllers: [ShopController] })
    class Feature {}
    const imports = (isGlobal: boolean) => [
      TesseraClientModule.forRoot({ ...shop.clientOptions, guard: 'manual' }),
      TesseraClientModule.forRoot({ ...partners.clientOptions, guard: 'manual', isGlobal }),
      Feature,
    ];
    const refused = start({ imports: imports(true) });
    await expect(refused).rejects.toThrow(TypeError);
    await expect(refused).rejects.toThrow(/^Tessera: two modules are global, so .* isGlobal: false /);
    await start({ imports: imports(false) });
    expect(await ask('/shop', shop.token())).toBe(200);
  });

  it('start if one global module is imported twice', async () => {
    const shared = TesseraClientModule.forRoot({ ...shop.clientOptions, guard: 'manual' });
    @Module({ imports: [shared], controllers: [ShopController] })
    class Feature {}
    await start({ imports: [shared, Feature] });
    expect(await ask('/shop', shop.token())).toBe(200);
  });

  it('start if the other module is for outgoing calls only', async () => {
    const outgoing = TesseraClientModule.forRoot({ ...partners.clientOptions, guard: 'manual', isGlobal: false });
    await start({
      imports: [TesseraClientModule.forRoot(shop.clientOptions), outgoing],
      controllers: [OrdersController],
    });
    expect(await ask('/orders', shop.token())).toBe(200);
    expect(await ask('/orders', partners.token())).toBe(401);
  });
});
