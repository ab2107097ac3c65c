import { Controller, Get, type OnModuleInit, Scope, type Type } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Public, RequireScopes } from '../../src/index.ts';
import { startGateway } from '../applications/gateway-application.ts';
import { closeApplications, logged, refusalOfStart, startHttp, statusOf } from '../applications/http-application.ts';

afterEach(closeApplications);

const refused = (...controllers: Type[]) => refusalOfStart(startHttp({ controllers }));

describe('a function of the instance in place of the method', () => {
  it('stops the start', async () => {
    @Controller('orders')
    class Orders {
      constructor() {
        this.list = this.list.bind(this);
      }

      @Get()
      @RequireScopes('orders:read')
      list(): string {
        return 'in';
      }
    }
    expect(await refused(Orders)).toBe(
      'Orders.list: Nest calls the function "bound list", which is no method of this class and carries the rules of none: remove what replaces the method on the instance, such as this.method = this.method.bind(this)',
    );
  });

  it('stops the start also where the method requires nothing itself', async () => {
    @Controller('orders')
    class Orders {
      constructor() {
        this.plain = this.plain.bind(this);
      }

      @Get('plain')
      plain(): string {
        return 'in';
      }

      @Get()
      @RequireScopes('orders:read')
      list(): string {
        return 'in';
      }
    }
    expect(await refused(Orders)).toMatch(/^Orders\.plain: Nest calls the function "bound plain", which is no method/);
  });

  it('starts where nothing of the class requires anything', async () => {
    @Controller({ path: 'orders', scope: Scope.REQUEST })
    class PerRequest {
      constructor() {
        this.list = this.list.bind(this);
      }

      @Get()
      list(): string {
        return 'in';
      }
    }
    @Controller('stock')
    class Stock {
      constructor() {
        this.list = this.list.bind(this);
      }

      @Get()
      list(): string {
        return 'in';
      }
    }
    const app = await startHttp({ controllers: [PerRequest, Stock] });
    for (const path of ['/orders', '/stock']) {
      expect(await statusOf(app, path)).toBe(401);
      expect(await statusOf(app, path, {})).toBe(200);
    }
  });

  it('is refused at run time with 500 and a sentence in the log where it shows only then', async () => {
    @Controller({ path: 'orders', scope: Scope.REQUEST })
    class Orders {
      constructor() {
        this.list = this.list.bind(this);
      }

      @Get()
      @RequireScopes('orders:read')
      list(): string {
        return 'in';
      }
    }
    const app = await startHttp({ controllers: [Orders] });
    for (const token of [undefined, {}, { scopes: ['orders:read'] }])
      expect(await statusOf(app, '/orders', token)).toBe(500);
    expect(logged).toContainEqual(expect.stringMatching(/^error: Orders: Nest calls the function "bound list"/));
  });

  it('is taken for the method if it has its name and all of its metadata, as that of a tracer', async () => {
    @Controller({ path: 'orders', scope: Scope.REQUEST })
    class Orders {
      constructor() {
        for (const key of ['list', 'plain'] as const) {
          const method = this[key].bind(this);
          Object.defineProperty(method, 'name', { value: key });
          copyMetadata(Reflect.get(Orders.prototype, key), method);
          this[key] = method;
        }
      }

      @Get('list')
      @RequireScopes('orders:read')
      list(): string {
        return 'in';
      }

      @Get('plain')
      plain(): string {
        return 'in';
      }
    }
    const app = await startHttp({ controllers: [Orders] });
    expect(await statusOf(app, '/orders/list', {})).toBe(403);
    expect(await statusOf(app, '/orders/list', { scopes: ['orders:read'] })).toBe(200);
    expect(await statusOf(app, '/orders/plain', {})).toBe(200);
    expect(await statusOf(app, '/orders/plain')).toBe(401);
  });
});

describe('a tracer that wraps the methods of a class', () => {
  it.each([
    ['when it is created', Scope.DEFAULT],
    ['in onModuleInit', Scope.DEFAULT],
    ['in onModuleInit', Scope.REQUEST],
  ])('is taken for them if it copies their metadata: %s, scope %s', async (when, scope) => {
    @Controller({ path: 'orders', scope })
    class Orders {
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
    const wrap = (): void => {
      for (const key of ['list', 'plain'] as const) {
        const method = methodOf(Orders.prototype, key);
        const traced = function (this: unknown): string {
          return method.call(this);
        };
        copyMetadata(method, traced);
        Object.defineProperty(Orders.prototype, key, { value: traced });
      }
    };
    if (when === 'when it is created') wrap();
    const tracer = { onModuleInit: when === 'in onModuleInit' ? wrap : () => undefined };
    const app = await startHttp({ controllers: [Orders], providers: [{ provide: 'tracer', useValue: tracer }] });
    expect(await statusOf(app, '/orders', {})).toBe(403);
    expect(await statusOf(app, '/orders', { scopes: ['orders:read'] })).toBe(200);
    expect(await statusOf(app, '/orders/plain')).toBe(401);
    expect(await statusOf(app, '/orders/plain', {})).toBe(200);
  });
});

describe('another method of the class in place of the method', () => {
  const REFUSAL =
    'Nest calls the function "listInFull" of the instance in the place of this method, and it carries less than what is required here: remove what replaces the method on the instance';

  it('stops the start if it requires less', async () => {
    @Controller('orders')
    class Orders {
      constructor() {
        this.list = methodOf(this, 'listInFull');
      }

      @Get()
      @RequireScopes('orders:read')
      list(): string {
        return 'in';
      }

      listInFull(): string {
        return 'in full';
      }
    }
    expect(await refused(Orders)).toBe(`Orders.list: ${REFUSAL}`);
  });

  it('stops the start if it is public', async () => {
    @Controller('orders')
    class Orders {
      constructor() {
        this.list = methodOf(this, 'listInFull');
      }

      @Get()
      list(): string {
        return 'in';
      }

      @Get('full')
      @Public()
      listInFull(): string {
        return 'in full';
      }
    }
    expect(await refused(Orders)).toBe(`Orders.list: ${REFUSAL}`);
  });

  it('does not matter if onModuleInit puts it there, because Nest has bound the routes by then', async () => {
    @Controller('orders')
    class Orders implements OnModuleInit {
      onModuleInit(): void {
        this.list = methodOf(this, 'listInFull');
      }

      @Get()
      @RequireScopes('orders:read')
      list(): string {
        return 'in';
      }

      listInFull(): string {
        return 'in full';
      }
    }
    const app = await startHttp({ controllers: [Orders] });
    expect(await statusOf(app, '/orders', {})).toBe(403);
    expect(await statusOf(app, '/orders', { scopes: ['orders:read'] })).toBe(200);
  });

  it('stops the start if it is the method of the class that it extends', async () => {
    class Base {
      list(): string {
        return 'in full';
      }
    }
    @Controller('orders')
    class Orders extends Base {
      constructor() {
        super();
        this.list = methodOf(Base.prototype, 'list');
      }

      @Get()
      @RequireScopes('orders:read')
      override list(): string {
        return 'in';
      }
    }
    expect(await refused(Orders)).toMatch(/^Orders\.list: Nest calls the function "list" of the instance/);
  });

  it('stops the start of a gateway', async () => {
    @WebSocketGateway()
    class Chat {
      constructor() {
        this.say = methodOf(this, 'sayMore');
      }

      @SubscribeMessage('say')
      @RequireScopes('chat')
      say(): unknown {
        return { event: 'said' };
      }

      sayMore(): unknown {
        return { event: 'said more' };
      }
    }
    expect(await refusalOfStart(startGateway({ providers: [Chat] }))).toMatch(
      /^Chat\.say: Nest calls the function "sayMore" of the instance/,
    );
  });

  it('starts if it requires as much', async () => {
    const admin = RequireScopes('orders:admin');
    @Controller('orders')
    class Orders {
      constructor() {
        this.list = methodOf(this, 'listInFull');
      }

      @Get()
      @admin
      list(): string {
        return 'in';
      }

      listInFull(): string {
        return 'in full';
      }
    }
    admin(Orders.prototype, 'listInFull', Object.getOwnPropertyDescriptor(Orders.prototype, 'listInFull')!);
    const app = await startHttp({ controllers: [Orders] });
    expect(await statusOf(app, '/orders', {})).toBe(403);
    expect(await statusOf(app, '/orders', { scopes: ['orders:admin'] })).toBe(200);
  });

  it('is refused at run time with 500 and a sentence in the log where it shows only then', async () => {
    @Controller({ path: 'orders', scope: Scope.REQUEST })
    class Orders {
      constructor() {
        this.list = methodOf(this, 'listInFull');
      }

      @Get()
      @RequireScopes('orders:read')
      list(): string {
        return 'in';
      }

      @Get('plain')
      plain(): string {
        return 'in';
      }

      listInFull(): string {
        return 'in full';
      }
    }
    const app = await startHttp({ controllers: [Orders] });
    for (const token of [undefined, {}, { scopes: ['orders:read'] }])
      expect(await statusOf(app, '/orders', token)).toBe(500);
    expect(logged).toContain(
      'error: Orders: Nest calls the function "listInFull" in the place of a handler: remove what replaces a handler on the instance, such as this.handler = this.otherMethod',
    );
    expect(await statusOf(app, '/orders/plain', {})).toBe(200);
  });
});

function methodOf(object: object, key: string): () => string {
  return Reflect.get(object, key) as () => string;
}

function copyMetadata(from: object, to: object): void {
  for (const key of Reflect.getMetadataKeys(from)) Reflect.defineMetadata(key, Reflect.getMetadata(key, from), to);
}
