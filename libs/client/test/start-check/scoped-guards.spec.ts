import { Controller, Get, Injectable, type Provider, Scope, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Query, Resolver } from '@nestjs/graphql';
import { MessagePattern } from '@nestjs/microservices';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Public, RequireScopes, TesseraGuard } from '../../src/index.ts';
import { type ApplicationParts, tessera } from '../applications/application.ts';
import { startGateway } from '../applications/gateway-application.ts';
import { startGraphql } from '../applications/graphql-application.ts';
import { closeApplications, refusalOfStart, startHttp, statusOf } from '../applications/http-application.ts';
import { startHybrid, startMicroservice } from '../applications/microservice-application.ts';

afterEach(closeApplications);

@Injectable({ scope: Scope.REQUEST })
class MyGuard extends TesseraGuard {}

@Injectable({ scope: Scope.TRANSIENT })
class MyTransientGuard extends TesseraGuard {}

const REQUEST = { provide: APP_GUARD, useClass: MyGuard, scope: Scope.REQUEST };
const TRANSIENT = { provide: APP_GUARD, useClass: MyTransientGuard, scope: Scope.TRANSIENT };
const BOTH = [
  ['request-scoped', REQUEST],
  ['transient', TRANSIENT],
] as const;
const partsWith = (...providers: NonNullable<ApplicationParts['providers']>): ApplicationParts => ({
  providers,
  extras: { guard: 'manual' },
  options: { extractToken: (context) => context.getArgByIndex<{ token?: string }>(0).token },
});
const good = { token: tessera.token({ scopes: ['orders:read'] }) };
const weak = { token: tessera.token() };

@Controller('orders')
class Orders {
  @Get()
  @RequireScopes('orders:read')
  list(): string {
    return 'in';
  }
}

@Controller()
class Messages {
  @MessagePattern('order')
  @RequireScopes('orders:read')
  order(): string {
    return 'order 1';
  }
}

@Resolver()
class Queries {
  @Query(() => String)
  @RequireScopes('orders:read')
  order(): string {
    return 'order 1';
  }
}

describe('a global guard of the application is asked before routes', () => {
  it.each<readonly [string, Provider]>([
    ...BOTH,
    ['request-scoped, as an alias', { provide: APP_GUARD, useExisting: MyGuard }],
    ['transient, as an alias', { provide: APP_GUARD, useExisting: MyTransientGuard }],
  ])('%s', async (_scope, guard) => {
    const providers = [MyGuard, MyTransientGuard, guard];
    const app = await startHttp({ guard: 'manual', controllers: [Orders], providers });
    expect(await statusOf(app, '/orders')).toBe(401);
    expect(await statusOf(app, '/orders', {})).toBe(403);
    expect(await statusOf(app, '/orders', { scopes: ['orders:read'] })).toBe(200);
  });
});

describe('at a gateway', () => {
  @WebSocketGateway()
  class Chat {
    @SubscribeMessage('say')
    @RequireScopes('chat')
    say(): unknown {
      return { event: 'said' };
    }
  }

  it.each(BOTH)('a %s global guard stops the start, because Nest asks none there', async (_scope, guard) => {
    expect(await refusalOfStart(startGateway(partsWith(guard, Chat)))).toBe(
      'Chat.say: no TesseraGuard is asked before this handler, so its requirements would be skipped: Nest asks no request-scoped or transient global guard at gateways, put @UseGuards(TesseraGuard) on the method or its class',
    );
  });

  it('it stops the start also where the gateway has such a guard at another method', async () => {
    @WebSocketGateway()
    class OneGuarded extends Chat {
      @SubscribeMessage('ask')
      @UseGuards(MyGuard)
      @Public()
      ask(): unknown {
        return { event: 'asked' };
      }
    }
    expect(await refusalOfStart(startGateway(partsWith(REQUEST, OneGuarded)))).toMatch(/^OneGuarded\.say: no Tessera/);
  });

  it('it starts with a guard on the class', async () => {
    @WebSocketGateway()
    @UseGuards(TesseraGuard)
    class Guarded extends Chat {}
    const app = await startGateway({ ...partsWith(REQUEST, Guarded), options: {} });
    const connection = await app.connect('/');
    expect((await connection.ask('say', {})).event).toBe('exception');
    connection.close();
    await app.close();
  });
});

describe('at a resolver', () => {
  it('a request-scoped global guard is asked', async () => {
    const app = await startGraphql(partsWith(REQUEST, Queries));
    expect((await app.ask('{ order }')).errors).toHaveLength(1);
    expect((await app.ask('{ order }', weak.token)).errors).toHaveLength(1);
    expect((await app.ask('{ order }', good.token)).data).toEqual({ order: 'order 1' });
    await app.close();
  });

  it('a transient one stops the start, because Nest asks none there', async () => {
    expect(await refusalOfStart(startGraphql(partsWith(TRANSIENT, Queries)))).toMatch(
      /^Queries\.order: no TesseraGuard/,
    );
  });

  it('a request-scoped one stops the start where the class has no @Resolver()', async () => {
    @Injectable()
    class Bare {
      @Query(() => String)
      @RequireScopes('orders:read')
      order(): string {
        return 'order 1';
      }
    }
    expect(await refusalOfStart(startGraphql(partsWith(REQUEST, Bare)))).toMatch(/^Bare\.order: no TesseraGuard is/);
  });
});

describe('at a microservice', () => {
  it('a request-scoped global guard is asked', async () => {
    const app = await startMicroservice({ ...partsWith(REQUEST), controllers: [Messages] });
    expect(await app.send('order', weak)).toHaveProperty('error');
    expect(await app.send('order', good)).toEqual({ result: 'order 1' });
    await app.close();
  });

  it('a transient one stops the start, because Nest asks none there', async () => {
    const start = startMicroservice({ ...partsWith(TRANSIENT), controllers: [Messages] });
    expect(await refusalOfStart(start)).toMatch(/^Messages\.order: no TesseraGuard is asked before this handler/);
  });

  it('either stops the start of a hybrid application, because nothing shows that it is asked', async () => {
    for (const [, guard] of BOTH)
      expect(await refusalOfStart(startHybrid({ ...partsWith(guard), controllers: [Messages] }))).toBe(
        'Messages.order: no TesseraGuard is asked before this handler, so its requirements would be skipped: nothing shows that a microservice has the request-scoped or transient global guard, put @UseGuards(TesseraGuard) on the method or its class',
      );
  });
});
