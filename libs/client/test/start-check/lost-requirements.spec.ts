import { Controller, Get, Injectable, type Type } from '@nestjs/common';
import { closeApplications, logged, refusalOfStart, startHttp, statusOf } from '../applications/http-application.ts';
import { Public, RequireRoles, RequireScopes, Tenant } from '../../src/index.ts';

afterEach(closeApplications);

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** A decorator as many libraries have them: puts its own function in place of the method and knows nothing of metadata. */
const Retry = (): MethodDecorator => (_target, _key, descriptor) => {
  const { value } = descriptor as { value?: unknown };
  const method = value as Method;
  Object.assign(descriptor, {
    value(this: unknown, ...args: unknown[]) {
      return method.apply(this, args);
    },
  });
};

/** A careful one. */
const Trace = (): MethodDecorator => (_target, _key, descriptor) => {
  const { value } = descriptor as { value?: unknown };
  const method = value as Method;
  const traced = function (this: unknown, ...args: unknown[]) {
    return method.apply(this, args);
  };
  copyMetadata(method, traced, () => true);
  Object.assign(descriptor, { value: traced });
};

function copyMetadata(from: object, to: object, isCopied: (key: unknown) => boolean): void {
  for (const key of Reflect.getMetadataKeys(from).filter(isCopied))
    Reflect.defineMetadata(key, Reflect.getMetadata(key, from), to);
}

/** Wraps every method of a class, and copies what Nest itself has written. */
const TraceAll = (): ClassDecorator => (type) => {
  const prototype = type.prototype as Record<string, Method>;
  for (const key of Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor')) {
    const method = prototype[key]!;
    const traced = function (this: unknown, ...args: unknown[]) {
      return method.apply(this, args);
    };
    copyMetadata(method, traced, (name) => typeof name === 'string');
    Object.defineProperty(prototype, key, { value: traced, configurable: true, writable: true });
  }
};

const refused = (...controllers: Type[]) => refusalOfStart(startHttp({ controllers }));

describe('a decorator that replaces the method', () => {
  it('stops the start where it stands above a requirement', async () => {
    @Controller('orders')
    class Orders {
      @Get()
      @Retry()
      @RequireScopes('orders:read')
      list(): string {
        return 'in';
      }
    }
    expect(await refused(Orders)).toBe(
      "Orders.list: another decorator replaced this method, and what @tessera/client's decorators wrote for it is lost: write them above the other decorator, or let it copy the method's metadata",
    );
  });

  it('stops the start where it stands between two requirements, or above @Public()', async () => {
    @Controller('orders')
    class Between {
      @Get()
      @RequireRoles('manager')
      @Retry()
      @RequireScopes('orders:read')
      list(): string {
        return 'in';
      }
    }
    @Controller('orders')
    class AbovePublic {
      @Get()
      @Retry()
      @Public()
      list(): string {
        return 'in';
      }
    }
    expect(await refused(Between)).toMatch(/^Between\.list: another decorator replaced this method/);
    expect(await refused(AbovePublic)).toMatch(/^AbovePublic\.list: another decorator replaced this method/);
  });

  it('stops the start where it wraps all methods of a class', async () => {
    @Controller('orders')
    @TraceAll()
    class Orders {
      @Get()
      @RequireScopes('orders:read')
      list(): string {
        return 'in';
      }
    }
    expect(await refused(Orders)).toMatch(/^Orders\.list: another decorator replaced this method/);
  });

  it('keeps a requirement that stands above it, or whose metadata it copies', async () => {
    @Controller('orders')
    class Orders {
      @Get('below')
      @RequireScopes('orders:read')
      @Retry()
      below(): string {
        return 'in';
      }

      @Get('copied')
      @Trace()
      @RequireScopes('orders:read')
      copied(): string {
        return 'in';
      }
    }
    const app = await startHttp({ controllers: [Orders] });
    for (const path of ['/orders/below', '/orders/copied']) {
      expect(await statusOf(app, path, {})).toBe(403);
      expect(await statusOf(app, path, { scopes: ['orders:read'] })).toBe(200);
    }
  });
});

describe('a class that extends a guarded one', () => {
  abstract class Base {
    @Get('list')
    @RequireScopes('orders:read')
    list(): string {
      return 'base';
    }

    @Get('health')
    @Public()
    health(): string {
      return 'base';
    }
  }

  it('stops the start if it overrides a method and repeats only the route', async () => {
    @Controller('orders')
    class Orders extends Base {
      @Get('list')
      override list(): string {
        return 'in';
      }
    }
    class Middle extends Base {
      override list(): string {
        return 'middle';
      }
    }
    @Controller('orders')
    class Below extends Middle {
      @Get('list')
      override list(): string {
        return 'in';
      }
    }
    expect(await refused(Orders)).toBe(
      'Orders.list: overrides Base.list without the requirements of that method: write them, others or @Public() on this one',
    );
    expect(await refused(Below)).toMatch(/^Below\.list: overrides Base\.list without/);
  });

  it('starts with the rules that it writes itself, without a route, and with what it inherits', async () => {
    @Controller('own')
    class Own extends Base {
      @Get('list')
      @RequireRoles('manager')
      override list(): string {
        return 'in';
      }
    }
    @Controller('opened')
    class Opened extends Base {
      @Get('list')
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
    const app = await startHttp({ controllers: [Own, Opened, Routeless, Inherits] });
    expect(await statusOf(app, '/own/list', { scopes: ['orders:read'] })).toBe(403);
    expect(await statusOf(app, '/own/list', { roles: ['manager'] })).toBe(200);
    expect(await statusOf(app, '/opened/list')).toBe(200);
    expect(await statusOf(app, '/routeless/list', {})).toBe(404);
    expect(await statusOf(app, '/inherits/list', {})).toBe(403);
    expect(await statusOf(app, '/inherits/health')).toBe(200);
    expect(logged.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  it('keeps a method closed whose @Public() its override does not repeat', async () => {
    @Controller('orders')
    class Orders extends Base {
      @Get('health')
      override health(): string {
        return 'in';
      }
    }
    const app = await startHttp({ controllers: [Orders] });
    expect(await statusOf(app, '/orders/health')).toBe(401);
  });

  it('inherits the requirements of a class, and never its @Public()', async () => {
    @Public()
    class OpenBase {
      @Get('inherited')
      inherited(): string {
        return 'in';
      }
    }
    @Controller('orders')
    class Orders extends OpenBase {
      @Get()
      list(): string {
        return 'in';
      }
    }
    @Controller('open')
    @Public()
    class Open extends OpenBase {}
    const app = await startHttp({ controllers: [Orders, Open] });
    expect(await statusOf(app, '/orders')).toBe(401);
    expect(await statusOf(app, '/orders/inherited')).toBe(401);
    expect(await statusOf(app, '/open/inherited')).toBe(200);
  });

  it('may be made by a function', async () => {
    function crud(scope: string) {
      abstract class Crud {
        @Get()
        @RequireScopes(scope)
        list(): string {
          return 'in';
        }
      }
      return Crud;
    }
    @Controller('orders')
    class Orders extends crud('orders:read') {}
    @Controller('stock')
    class Stock extends crud('stock:read') {}
    const app = await startHttp({ controllers: [Orders, Stock] });
    expect(await statusOf(app, '/orders', { scopes: ['orders:read'] })).toBe(200);
    expect(await statusOf(app, '/stock', { scopes: ['orders:read'] })).toBe(403);
  });
});

describe('a decorator that replaces the class', () => {
  const ProxyOf = (): ClassDecorator => (type) => new Proxy(type, {});
  /** The old form: another function with the same prototype. */
  const SamePrototype = (): ClassDecorator => (type) => {
    const Wrapped = function (this: unknown, ...args: unknown[]): unknown {
      return Reflect.construct(type as unknown as new (...args: unknown[]) => object, args, new.target) as unknown;
    };
    Wrapped.prototype = type.prototype as object;
    return Wrapped as unknown as typeof type;
  };
  const OwnPrototype = (): ClassDecorator => (type) => {
    const Wrapped = SamePrototype()(type) as unknown as { prototype: object };
    Wrapped.prototype = Object.create(type.prototype as object) as object;
    return Wrapped as unknown as typeof type;
  };

  it.each([
    ['a proxy', ProxyOf],
    ['a function with its prototype', SamePrototype],
    ['a function with a prototype of its own', OwnPrototype],
  ])('stops the start below a requirement: %s', async (_kind, replace) => {
    @Controller('orders')
    @RequireScopes('orders:read')
    @replace()
    class Orders {
      @Get()
      list(): string {
        return 'in';
      }
    }
    expect(await refused(Orders)).toMatch(/: another decorator replaced this class, /);
  });

  it.each([
    ['a proxy', ProxyOf],
    ['a function with its prototype', SamePrototype],
    ['a function with a prototype of its own', OwnPrototype],
  ])('keeps a requirement directly above the class: %s', async (_kind, replace) => {
    @Controller('orders')
    @replace()
    @RequireScopes('orders:read')
    class Orders {
      @Get()
      list(): string {
        return 'in';
      }
    }
    const app = await startHttp({ controllers: [Orders] });
    expect(await statusOf(app, '/orders', {})).toBe(403);
    expect(await statusOf(app, '/orders', { scopes: ['orders:read'] })).toBe(200);
  });
});

describe('a requirement on a method that is no handler', () => {
  const hidden = Symbol('hidden');

  it('is a warning that names it', async () => {
    @Injectable()
    class Reports {
      @RequireScopes('reports:read')
      build(): string {
        return 'report';
      }

      @RequireScopes('reports:read')
      static all(): string {
        return 'reports';
      }

      @RequireScopes('reports:read')
      [hidden](): string {
        return 'report';
      }

      @RequireScopes('reports:read')
      get last(): string {
        return 'report';
      }

      @Public()
      free(): string {
        return 'report';
      }
    }
    await startHttp({ providers: [Reports] });
    const sentence =
      'a requirement on a method that is no HTTP, GraphQL, WebSocket or microservice handler is not asked for when other code calls it';
    expect(logged.filter((line) => line.startsWith('warn'))).toEqual(
      ['Reports.build', 'Reports.Symbol(hidden)', 'Reports.last', 'Reports.all (static)'].map(
        (name) => `warn: ${name}: ${sentence}`,
      ),
    );
  });
});

describe('@Tenant() without a verified token', () => {
  it('answers 500 and names the handler in the log', async () => {
    @Controller('orders')
    class Orders {
      @Get()
      list(@Tenant() tenantId: string): string {
        return `orders of ${tenantId}`;
      }
    }
    const app = await startHttp({ controllers: [Orders], guard: 'manual' });
    const answer = await app.inject({ url: '/orders' });
    expect([answer.statusCode, JSON.parse(answer.body)]).toEqual([
      500,
      { statusCode: 500, message: 'Internal Server Error' },
    ]);
    expect(logged).toContain(
      'error: Orders.list: @Tenant() has no verified token, because no TesseraGuard was asked before this handler: put @UseGuards(TesseraGuard) or @Public() on it',
    );
  });
});
