import { Controller, type INestApplication, Scope, UseGuards } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { MessagePattern, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { Public, RequireScopes, RequireTenantParam, Tenant, TesseraGuard } from '../../src/index.ts';
import { type ApplicationParts, createFastifyApplication, tessera } from '../applications/application.ts';
import { startGateway } from '../applications/gateway-application.ts';
import { startHybrid, startMicroservice } from '../applications/microservice-application.ts';
import { refusalOfStart } from '../applications/http-application.ts';

const MEND =
  'connect the microservice with { inheritAppConfig: true }, or put @UseGuards(TesseraGuard) on the method or its class';

@Controller()
class Plain {
  @MessagePattern('order')
  order(): string {
    return 'order 1';
  }
}

@Controller()
class Required {
  @MessagePattern('order')
  @RequireScopes('orders:read')
  order(): string {
    return 'order 1';
  }
}

@Controller({ scope: Scope.REQUEST })
class PerRequest {
  @MessagePattern('per-request')
  @RequireScopes('orders:read')
  order(@Tenant() tenant: string): string {
    return `order 1 of ${tenant}`;
  }
}

const extractToken: NonNullable<ApplicationParts['options']>['extractToken'] = (context) =>
  context.getArgByIndex<{ token?: string }>(0).token;
const good = { token: tessera.token({ scopes: ['orders:read'] }) };
const weak = { token: tessera.token() };

describe('a microservice that was connected without inheritAppConfig', () => {
  it('stops the start with a handler that requires something, or nothing', async () => {
    expect(await refusalOfStart(startHybrid({ controllers: [Required] }, false))).toBe(
      `Required.order: no TesseraGuard is asked before this handler, so its requirements would be skipped: ${MEND}`,
    );
    expect(await refusalOfStart(startHybrid({ controllers: [Plain] }, false))).toBe(
      `Plain.order: no TesseraGuard is asked before this handler, so it would be open: ${MEND}`,
    );
  });

  it('stops the start of the application as well, if that comes first', async () => {
    const app = await createFastifyApplication({ controllers: [Plain] });
    app.connectMicroservice<MicroserviceOptions>({ transport: Transport.TCP });
    expect(await refusalOfStart(app.init())).toMatch(/^Plain\.order: no TesseraGuard is asked/);
    await app.close();
  });

  it('stops its start if it binds its handlers late', async () => {
    const start = async (inheritAppConfig: boolean, isInitialized: boolean) => {
      const app: INestApplication = await createFastifyApplication({ controllers: [Plain] });
      app.connectMicroservice<MicroserviceOptions>(
        { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } },
        { inheritAppConfig, deferInitialization: true },
      );
      if (isInitialized) await app.init();
      try {
        await app.startAllMicroservices();
      } finally {
        await app.close();
      }
    };
    for (const isInitialized of [false, true]) {
      expect(await refusalOfStart(start(false, isInitialized))).toMatch(/^Plain\.order: no TesseraGuard is asked/);
      await start(true, isInitialized);
    }
  });

  it('starts with a guard of its own, which is asked, and with a public handler', async () => {
    @Controller()
    @UseGuards(TesseraGuard)
    class Guarded extends Required {}
    @Controller()
    class Open {
      @MessagePattern('open')
      @Public()
      open(): string {
        return 'in';
      }
    }
    const app = await startHybrid({ controllers: [Guarded, Open], options: { extractToken } }, false);
    expect(await app.send('order', good)).toEqual({ result: 'order 1' });
    expect(await app.send('order', weak)).toHaveProperty('error');
    expect(await app.send('open', {})).toEqual({ result: 'in' });
    await app.close();
  });
});

describe('a microservice that was connected with inheritAppConfig', () => {
  it('starts, and asks the global guard also before a request-scoped handler', async () => {
    const app = await startHybrid({ controllers: [PerRequest, Required], options: { extractToken } });
    for (const pattern of ['order', 'per-request']) expect(await app.send(pattern, weak)).toHaveProperty('error');
    expect(await app.send('order', good)).toEqual({ result: 'order 1' });
    expect(await app.send('per-request', good)).toEqual({ result: 'order 1 of acme' });
    await app.close();
  });

  it('stops the start if all handlers are request-scoped, because nothing shows that they are guarded', async () => {
    expect(await refusalOfStart(startHybrid({ controllers: [PerRequest] }))).toBe(
      'PerRequest.order: no TesseraGuard is asked before this handler, so its requirements would be skipped: nothing shows that the microservice has the global guard, because its handlers are request-scoped: put @UseGuards(TesseraGuard) on the class',
    );
  });

  it('stops the start if the global guard comes after it: Nest has bound the handlers without', async () => {
    const start = async (isBefore: boolean) => {
      const app: INestApplication = await createFastifyApplication({
        controllers: [Required],
        extras: { guard: 'manual' },
      });
      if (isBefore) app.useGlobalGuards(app.get(TesseraGuard));
      app.connectMicroservice<MicroserviceOptions>(
        { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } },
        { inheritAppConfig: true },
      );
      if (!isBefore) app.useGlobalGuards(app.get(TesseraGuard));
      try {
        await app.startAllMicroservices();
      } finally {
        await app.close();
      }
    };
    expect(await refusalOfStart(start(false))).toBe(
      'Required.order: no TesseraGuard is asked before this handler, so its requirements would be skipped: call useGlobalGuards() before connectMicroservice(), or put @UseGuards(TesseraGuard) on the method or its class',
    );
    await start(true);
  });

  it('stops the start at a requirement without a global guard', async () => {
    const parts = { controllers: [Required], extras: { guard: 'manual' } } as const;
    expect(await refusalOfStart(startHybrid({ ...parts, controllers: [Required] }))).toBe(
      'Required.order: no TesseraGuard is asked before this handler, so its requirements would be skipped: put @UseGuards(TesseraGuard) on the method or its class',
    );
  });
});

describe('where Nest announces no servers, as its first version 11', () => {
  const name = 'getRpcTargetRegistry';
  const announced = Object.getOwnPropertyDescriptor(ModulesContainer.prototype, name)!;
  beforeAll(() => Object.defineProperty(ModulesContainer.prototype, name, { ...announced, value: undefined }));
  afterAll(() => Object.defineProperty(ModulesContainer.prototype, name, announced));

  it('a hybrid application needs a guard of its own at its handlers, and a microservice alone does not', async () => {
    expect(await refusalOfStart(startHybrid({ controllers: [Plain] }))).toMatch(/^Plain\.order: no TesseraGuard is/);
    const app = await startMicroservice({ controllers: [Plain], options: { extractToken } });
    expect(await app.send('order', {})).toHaveProperty('error');
    expect(await app.send('order', weak)).toEqual({ result: 'order 1' });
    await app.close();
  });

  it('a gateway needs one, too, because questions for global guards may have been for message handlers', async () => {
    @WebSocketGateway()
    class Chat {
      @SubscribeMessage('say')
      say(): unknown {
        return { event: 'said' };
      }
    }
    expect(await refusalOfStart(startGateway({ providers: [Chat] }))).toMatch(/^Chat\.say: no TesseraGuard is asked/);
  });
});

describe('@Tenant() in a handler without a guard', () => {
  it('is an internal error of the microservice, not a tenant that is undefined', async () => {
    @Controller()
    class Unguarded {
      @MessagePattern('order')
      order(@Tenant() tenant: string): string {
        return `order 1 of ${tenant}`;
      }
    }
    const app = await startHybrid({ controllers: [Unguarded], extras: { guard: 'manual' } });
    expect(await app.send('order', weak)).toEqual({ error: { status: 'error', message: 'Internal server error' } });
    await app.close();
  });
});

describe('a microservice alone', () => {
  it('has the global guard, also before request-scoped handlers', async () => {
    const app = await startMicroservice({ controllers: [PerRequest], options: { extractToken } });
    expect(await app.send('per-request', weak)).toHaveProperty('error');
    expect(await app.send('per-request', good)).toEqual({ result: 'order 1 of acme' });
    await app.close();
  });

  it('stops the start at an override without the requirements of its method, and at a parameter of a path', async () => {
    @Controller()
    class Override extends Required {
      @MessagePattern('order')
      override order(): string {
        return 'in';
      }
    }
    @Controller()
    class InPath {
      @MessagePattern('order')
      @RequireTenantParam('tenantId')
      order(): string {
        return 'in';
      }
    }
    expect(await refusalOfStart(startMicroservice({ controllers: [Override] }))).toMatch(/^Override\.order: overrides/);
    expect(await refusalOfStart(startMicroservice({ controllers: [InPath] }))).toMatch(
      /^InPath\.order: @RequireTenantParam/,
    );
  });
});
