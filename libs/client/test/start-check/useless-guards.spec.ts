import { Controller, Get, type Provider, Scope, type Type, UseGuards } from '@nestjs/common';
import { Query, Resolver } from '@nestjs/graphql';
import { MessagePattern } from '@nestjs/microservices';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Public, RequireScopes, TesseraGuard } from '../../src/index.ts';
import { startGateway } from '../applications/gateway-application.ts';
import { startGraphql } from '../applications/graphql-application.ts';
import { closeApplications, refusalOfStart, startHttp, statusOf } from '../applications/http-application.ts';
import { startMicroservice } from '../applications/microservice-application.ts';

afterEach(closeApplications);

// Each handler here has `@UseGuards(TesseraGuard)`, and `guard: 'manual'` leaves it alone with that.
const extras = { guard: 'manual' } as const;
const started = (controller: Type) => startHttp({ guard: 'manual', controllers: [controller] });
const UNASKED = 'no TesseraGuard is asked before this handler, so its requirements would be skipped';

describe('a provider for which Nest creates no guards', () => {
  @Resolver()
  @UseGuards(TesseraGuard)
  class OnClass {
    @Query(() => String)
    @RequireScopes('orders:read')
    order(): string {
      return 'order 1';
    }
  }
  @Resolver()
  class OnMethod {
    @Query(() => String)
    @UseGuards(TesseraGuard)
    @RequireScopes('orders:read')
    order(): string {
      return 'order 1';
    }
  }

  it.each<readonly [string, Provider, string]>([
    ['useFactory, guard on the class', { provide: OnClass, useFactory: () => new OnClass() }, 'OnClass'],
    ['useValue, guard on the class', { provide: OnClass, useValue: new OnClass() }, 'OnClass'],
    ['useFactory, guard on the method', { provide: OnMethod, useFactory: () => new OnMethod() }, 'OnMethod'],
  ])('stops the start: %s', async (_kind, provider, name) => {
    expect(await refusalOfStart(startGraphql({ providers: [provider], extras }))).toBe(
      `${name}.order: ${UNASKED}: Nest creates no guards for this provider, such as one with useFactory or useValue: list the class itself in providers`,
    );
  });

  it('is none with useClass, whose guard is asked', async () => {
    const app = await startGraphql({ providers: [{ provide: 'orders', useClass: OnClass }], extras });
    expect((await app.ask('{ order }')).errors).toHaveLength(1);
    await app.close();
  });
});

describe('the guard of a method that the instance replaces', () => {
  it('stops the start, also with a requirement of the class', async () => {
    @Controller('orders')
    @RequireScopes('orders:read')
    class Orders {
      constructor() {
        this.list = this.list.bind(this);
      }

      @Get()
      @UseGuards(TesseraGuard)
      list(): string {
        return 'in';
      }
    }
    expect(await refusalOfStart(started(Orders))).toBe(
      `Orders.list: ${UNASKED}: the function of the instance in the place of the method has no guard: put @UseGuards(TesseraGuard) on the class`,
    );
  });

  it('is asked if onModuleInit does it, because Nest has bound the routes by then', async () => {
    @Controller('orders')
    @RequireScopes('orders:read')
    class Orders {
      onModuleInit(): void {
        this.list = this.list.bind(this);
      }

      @Get()
      @UseGuards(TesseraGuard)
      list(): string {
        return 'in';
      }
    }
    const app = await started(Orders);
    expect(await statusOf(app, '/orders')).toBe(401);
    expect(await statusOf(app, '/orders', {})).toBe(403);
  });
});

describe('the guard of a method of a request-scoped class', () => {
  const REFUSAL = `${UNASKED}: a request-scoped object may have another function in the place of the method: put @UseGuards(TesseraGuard) on the class`;

  it('stops the start of an application with routes', async () => {
    @Controller({ path: 'orders', scope: Scope.REQUEST })
    class Orders {
      @Get()
      @RequireScopes('orders:read')
      @UseGuards(TesseraGuard)
      list(): string {
        return 'in';
      }
    }
    expect(await refusalOfStart(started(Orders))).toBe(`Orders.list: ${REFUSAL}`);
  });

  it('stops the start of a microservice, a gateway, a resolver', async () => {
    @Controller({ scope: Scope.REQUEST })
    class Messages {
      @MessagePattern('order')
      @RequireScopes('orders:read')
      @UseGuards(TesseraGuard)
      order(): string {
        return 'order 1';
      }
    }
    @WebSocketGateway()
    class Chat {
      @SubscribeMessage('say')
      @RequireScopes('chat')
      @UseGuards(TesseraGuard)
      say(): unknown {
        return { event: 'said' };
      }
    }
    @Resolver()
    class Queries {
      @Query(() => String)
      @RequireScopes('orders:read')
      @UseGuards(TesseraGuard)
      order(): string {
        return 'order 1';
      }
    }
    for (const type of [Chat, Queries]) Reflect.defineMetadata('scope:options', { scope: Scope.REQUEST }, type);
    expect(await refusalOfStart(startMicroservice({ controllers: [Messages], extras }))).toBe(
      `Messages.order: ${REFUSAL}`,
    );
    expect(await refusalOfStart(startGateway({ providers: [Chat], extras }))).toBe(`Chat.say: ${REFUSAL}`);
    expect(await refusalOfStart(startGraphql({ providers: [Queries], extras }))).toBe(`Queries.order: ${REFUSAL}`);
  });

  it('does not matter where nothing is required', async () => {
    @Controller({ path: 'orders', scope: Scope.REQUEST })
    class Orders {
      @Get()
      @UseGuards(TesseraGuard)
      list(): string {
        return 'in';
      }
    }
    expect(await statusOf(await started(Orders), '/orders')).toBe(401);
  });

  it('does not matter with a guard on the class, which closes what the instance replaces', async () => {
    @Controller({ path: 'orders', scope: Scope.REQUEST })
    @UseGuards(TesseraGuard)
    class Orders {
      constructor() {
        this.bound = this.bound.bind(this);
      }

      @Get()
      @RequireScopes('orders:read')
      list(): string {
        return 'in';
      }

      @Get('bound')
      @RequireScopes('orders:read')
      bound(): string {
        return 'in';
      }
    }
    const app = await started(Orders);
    expect(await statusOf(app, '/orders')).toBe(401);
    expect(await statusOf(app, '/orders', { scopes: ['orders:read'] })).toBe(200);
    expect(await statusOf(app, '/orders/bound')).toBe(500);
  });
});

describe('an override of a method with @UseGuards(TesseraGuard)', () => {
  class Base {
    @Get()
    @UseGuards(TesseraGuard)
    list(): string {
      return 'base';
    }
  }

  it('stops the start if it repeats only the route', async () => {
    @Controller('orders')
    class Orders extends Base {
      @Get()
      override list(): string {
        return 'in';
      }
    }
    expect(await refusalOfStart(started(Orders))).toBe(
      'Orders.list: no TesseraGuard is asked before this handler, so it would be open: put @UseGuards(TesseraGuard) on the method or its class',
    );
  });

  it('starts with a guard, also another one, with @Public(), and without a route', async () => {
    @Controller('guarded')
    class Guarded extends Base {
      @Get()
      @UseGuards(TesseraGuard)
      override list(): string {
        return 'in';
      }
    }
    @Controller('class')
    @UseGuards(TesseraGuard)
    class OfClass extends Base {
      @Get()
      override list(): string {
        return 'in';
      }
    }
    @Controller('other')
    class WithOther extends Base {
      @Get()
      @UseGuards({ canActivate: () => false })
      override list(): string {
        return 'in';
      }
    }
    @Controller('opened')
    class Opened extends Base {
      @Get()
      @Public()
      override list(): string {
        return 'in';
      }
    }
    @Controller('routeless')
    class Routeless extends Base {
      override list(): string {
        return 'in';
      }
    }
    @Controller('inherits')
    class Inherits extends Base {}
    const controllers = [Guarded, OfClass, WithOther, Opened, Routeless, Inherits];
    const app = await startHttp({ guard: 'manual', controllers });
    const statuses = ['guarded', 'class', 'other', 'opened', 'routeless', 'inherits'].map((path) =>
      statusOf(app, `/${path}`),
    );
    expect(await Promise.all(statuses)).toEqual([401, 401, 403, 200, 404, 401]);
  });
});
