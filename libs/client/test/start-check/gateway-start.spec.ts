import { Logger, Module, Scope, UseGuards } from '@nestjs/common';
import { ApplicationConfig, NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Public, RequireScopes, RequireTenantParam, TesseraClientModule, TesseraGuard } from '../../src/index.ts';
import { type ApplicationParts, createFastifyApplication, tessera } from '../applications/application.ts';
import { startGateway } from '../applications/gateway-application.ts';
import { closeApplications, logged, refusalOfStart, startHttp } from '../applications/http-application.ts';

afterEach(closeApplications);

type GatewayClass = new () => object;
const refused = (gateway: GatewayClass, parts: ApplicationParts = {}) =>
  refusalOfStart(startGateway({ ...parts, providers: [gateway] }));

/** TypeScript refuses our decorators there; JavaScript does not. */
const onProperty = (decorator: MethodDecorator) => decorator as PropertyDecorator;

class Chat {
  @SubscribeMessage('say')
  @RequireScopes('chat')
  say(): unknown {
    return { event: 'said' };
  }
}

describe('handleConnection', () => {
  it('stops the start with a requirement or a guard of its own, and so does handleDisconnect', async () => {
    @WebSocketGateway()
    class Own extends Chat {
      @RequireScopes('chat')
      handleConnection(): void {
        return undefined;
      }
    }
    @WebSocketGateway()
    class Guarded extends Chat {
      @UseGuards(TesseraGuard)
      handleConnection(): void {
        return undefined;
      }
    }
    @WebSocketGateway()
    class Disconnect extends Chat {
      @RequireScopes('chat')
      handleDisconnect(): void {
        return undefined;
      }
    }
    expect(await refused(Own)).toBe(
      'Own.handleConnection: Nest asks no guard before handleConnection, so nothing that is required would be checked: put @Public() on it in place of what it requires, and verify the token in it with TesseraVerifier',
    );
    expect(await refused(Guarded)).toMatch(/^Guarded\.handleConnection: Nest asks no guard/);
    expect(await refused(Disconnect)).toMatch(/^Disconnect\.handleDisconnect: Nest asks no guard/);
  });

  it('stops the start with a requirement of its class, unless it is public', async () => {
    @WebSocketGateway()
    @RequireScopes('chat')
    class OfClass extends Chat {
      handleConnection(): void {
        return undefined;
      }
    }
    @WebSocketGateway()
    @RequireScopes('chat')
    class Opened extends Chat {
      @Public()
      handleConnection(): void {
        return undefined;
      }
    }
    expect(await refused(OfClass)).toMatch(/^OfClass\.handleConnection: Nest asks no guard/);
    await (await startGateway({ providers: [Opened] })).close();
  });

  it('stops the start with a requirement also where it is a property', async () => {
    @WebSocketGateway()
    class Own extends Chat {
      @onProperty(RequireScopes('chat'))
      handleConnection = (): void => undefined;
    }
    @WebSocketGateway()
    @RequireScopes('chat')
    class OfClass extends Chat {
      handleConnection = (): void => undefined;
    }
    @WebSocketGateway()
    @RequireScopes('chat')
    class Opened extends Chat {
      @onProperty(Public())
      handleConnection = (): void => undefined;
    }
    expect(await refused(Own)).toMatch(/^Own\.handleConnection: Nest asks no guard before handleConnection/);
    expect(await refused(OfClass)).toMatch(/^OfClass\.handleConnection: Nest asks no guard/);
    await (await startGateway({ providers: [Opened] })).close();
  });

  it('without anything written is a warning', async () => {
    @WebSocketGateway()
    class Plain extends Chat {
      handleConnection(): void {
        return undefined;
      }
    }
    await startHttp({ providers: [Plain], prepare: (app) => app.useWebSocketAdapter(new WsAdapter(app)) });
    expect(logged).toContain(
      'warn: Plain.handleConnection: Nest asks no guard before handleConnection, so every client reaches it',
    );
  });
});

describe('a gateway', () => {
  it('stops the start at a requirement without a guard', async () => {
    @WebSocketGateway()
    class Unguarded extends Chat {}
    @WebSocketGateway()
    @UseGuards(TesseraGuard)
    class Guarded extends Chat {}
    const parts = { extras: { guard: 'manual' }, options: { extractToken: () => tessera.token() } } as const;
    expect(await refused(Unguarded, parts)).toMatch(
      /^Unguarded\.say: no TesseraGuard is asked before this handler, so its requirements would be skipped: .*@UseGuards/,
    );
    const app = await startGateway({ ...parts, providers: [Guarded] });
    const connection = await app.connect('/');
    expect(await connection.ask('say')).toMatchObject({ event: 'exception' });
    connection.close();
    await app.close();
  });

  it('stops the start where Nest asks no global guards, as Nest 11, unless it has a guard or is public', async () => {
    class Plain {
      @SubscribeMessage('say')
      say(): unknown {
        return { event: 'said' };
      }
    }
    @WebSocketGateway()
    class Bare extends Plain {}
    @WebSocketGateway()
    @UseGuards(TesseraGuard)
    class Guarded extends Plain {}
    @WebSocketGateway()
    @Public()
    class Open {
      @SubscribeMessage('say')
      say(): unknown {
        return { event: 'said' };
      }
    }
    const startAsNest11 = async (gateway: GatewayClass) => {
      const app = await createFastifyApplication({ providers: [gateway] });
      app.useWebSocketAdapter(new WsAdapter(app));
      // What watches for the question is gone, so it sees of Nest 12 what it sees of Nest 11.
      Reflect.deleteProperty(app.get(ApplicationConfig), 'getGlobalGuards');
      try {
        await app.init();
      } finally {
        await app.close();
      }
    };
    expect(await refusalOfStart(startAsNest11(Bare))).toBe(
      'Bare.say: no TesseraGuard is asked before this handler, so it would be open: this version of Nest asks no global guards at gateways, put @UseGuards(TesseraGuard) on the method or its class',
    );
    await startAsNest11(Guarded);
    await startAsNest11(Open);
  });

  it('stops the start where it is request-scoped, because nothing shows that Nest asks the global guard', async () => {
    @WebSocketGateway()
    class PerMessage extends Chat {}
    @WebSocketGateway()
    @UseGuards(TesseraGuard)
    class Guarded extends Chat {}
    for (const gateway of [PerMessage, Guarded])
      Reflect.defineMetadata('scope:options', { scope: Scope.REQUEST }, gateway);
    expect(await refused(PerMessage)).toBe(
      'PerMessage.say: no TesseraGuard is asked before this handler, so its requirements would be skipped: nothing shows that Nest asks the global guard at a request-scoped gateway: put @UseGuards(TesseraGuard) on the class',
    );
    const app = await startGateway({ providers: [Guarded] });
    const connection = await app.connect('/');
    expect(await connection.ask('say', {})).toMatchObject({ event: 'exception' });
    connection.close();
    await app.close();
  });

  it('stops the start at a parameter of a path', async () => {
    @WebSocketGateway()
    class Orders {
      @SubscribeMessage('orders')
      @RequireTenantParam('tenantId')
      orders(): unknown {
        return { event: 'orders' };
      }
    }
    expect(await refused(Orders)).toMatch(/^Orders\.orders: @RequireTenantParam names a parameter/);
  });

  it('does not stop a worker, which binds none', async () => {
    @WebSocketGateway()
    class Bound extends Chat {}
    @Module({ imports: [TesseraClientModule.forRoot(tessera.clientOptions)], providers: [Bound] })
    class Worker {}
    Logger.overrideLogger(false);
    const worker = await NestFactory.createApplicationContext(Worker);
    expect(worker.get(Bound)).toBeInstanceOf(Bound);
    await worker.close();
  });
});
