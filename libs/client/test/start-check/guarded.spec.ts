import { type CanActivate, Controller, Get, Injectable, Scope, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { closeApplications, refusalOfStart, startHttp, statusOf } from '../applications/http-application.ts';
import { RequireScopes, TesseraGuard } from '../../src/index.ts';

afterEach(closeApplications);

const REFUSAL =
  'no TesseraGuard is asked before this handler, so its requirements would be skipped: put @UseGuards(TesseraGuard) on the method or its class';

@Injectable()
class MyGuard extends TesseraGuard {}

@Injectable()
class LetsAllIn implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

@Controller('orders')
class Bare {
  @Get()
  @RequireScopes('orders:read')
  list(): string {
    return 'in';
  }

  @Get('plain')
  plain(): string {
    return 'in';
  }
}

@Controller('orders')
@UseGuards(TesseraGuard)
class OnClass {
  @Get()
  @RequireScopes('orders:read')
  list(): string {
    return 'in';
  }
}

describe('with guard: manual', () => {
  it('stops the start at a requirement without a TesseraGuard, on a method or a class', async () => {
    @Controller('orders')
    @RequireScopes('orders:read')
    class Required {
      @Get()
      list(): string {
        return 'in';
      }
    }
    @Controller('orders')
    class Passport {
      @Get()
      @UseGuards(AuthGuard('jwt'))
      @RequireScopes('orders:read')
      list(): string {
        return 'in';
      }
    }
    for (const [controller, name] of [
      [Bare, 'Bare'],
      [Required, 'Required'],
      [Passport, 'Passport'],
    ] as const)
      expect(await refusalOfStart(startHttp({ guard: 'manual', controllers: [controller] }))).toBe(
        `${name}.list: ${REFUSAL}`,
      );
  });

  it('starts without requirements', async () => {
    @Controller('orders')
    class Plain {
      @Get()
      list(): string {
        return 'in';
      }
    }
    expect(await statusOf(await startHttp({ guard: 'manual', controllers: [Plain] }), '/orders')).toBe(200);
  });

  it('starts with a TesseraGuard on the class or the method, also one of a class of its own', async () => {
    @Controller('mine')
    class OnMethod {
      @Get()
      @UseGuards(MyGuard)
      @RequireScopes('orders:read')
      list(): string {
        return 'in';
      }
    }
    const app = await startHttp({ guard: 'manual', controllers: [OnClass, OnMethod] });
    for (const path of ['/orders', '/mine']) {
      expect(await statusOf(app, path, {})).toBe(403);
      expect(await statusOf(app, path, { scopes: ['orders:read'] })).toBe(200);
    }
  });

  it.each([
    ['useClass', { provide: APP_GUARD, useClass: MyGuard }],
    ['useExisting', { provide: APP_GUARD, useExisting: TesseraGuard }],
    ['request scope', { provide: APP_GUARD, useClass: MyGuard, scope: Scope.REQUEST }],
  ])('starts with a global TesseraGuard of the application: %s', async (_kind, provider) => {
    const app = await startHttp({ guard: 'manual', controllers: [Bare], providers: [provider] });
    expect(await statusOf(app, '/orders', {})).toBe(403);
    expect(await statusOf(app, '/orders', { scopes: ['orders:read'] })).toBe(200);
  });

  it('starts with useGlobalGuards, and not with another guard', async () => {
    const app = await startHttp({
      guard: 'manual',
      controllers: [Bare],
      prepare: (application) => application.useGlobalGuards(application.get(TesseraGuard)),
    });
    expect(await statusOf(app, '/orders', {})).toBe(403);
    const other = startHttp({
      guard: 'manual',
      controllers: [Bare],
      prepare: (application) => application.useGlobalGuards(new LetsAllIn()),
    });
    expect(await refusalOfStart(other)).toBe(`Bare.list: ${REFUSAL}`);
  });
});

describe('in a test of the application', () => {
  it('overrideProvider(TesseraGuard) replaces the global guard', async () => {
    const app = await startHttp({
      controllers: [Bare],
      override: (builder) => builder.overrideProvider(TesseraGuard).useValue({ canActivate: () => true }),
    });
    expect(await statusOf(app, '/orders')).toBe(200);
  });

  it('overrideGuard(TesseraGuard) replaces the guards of @UseGuards()', async () => {
    const app = await startHttp({
      guard: 'manual',
      controllers: [OnClass],
      override: (builder) => builder.overrideGuard(TesseraGuard).useValue({ canActivate: () => true }),
    });
    expect(await statusOf(app, '/orders')).toBe(200);
  });
});
