import { request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  Controller,
  Delete,
  type ExecutionContext,
  Get,
  type HttpException,
  Injectable,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import type { TokenError, VerifiedToken } from '@tessera/token';
import { BEARER_FORMS } from '../../../token/test/bearer-forms.ts';
import { carriedToken } from './carried-token.ts';
import {
  BearerToken,
  Public,
  RequireActor,
  RequireAnyRole,
  RequireAnyScope,
  RequireFreshRevocations,
  RequireGroups,
  RequireIssuer,
  RequirePermission,
  RequireResources,
  RequireRoles,
  RequireScopes,
  RequireSurface,
  RequireTenant,
  RequireTenantParam,
  Tenant,
  TESSERA_CLIENT_OPTIONS,
  TesseraClientModule,
  type TesseraClientOptions,
  TesseraGuard,
  Token,
} from '../index.ts';
import { TestTessera, type TestTokenFields } from '../testing.ts';

const tessera = new TestTessera({ audience: 'shop-api', tenants: ['acme', 'globex'] });
const PRODUCTION = { baseUrl: 'https://tessera.example', tenants: 'all', audience: 'shop-api' } as const;

@Controller('orders')
class OrdersController {
  @Get()
  @RequireScopes('orders:read')
  list(@Token() token: VerifiedToken): unknown {
    return { subject: token.subject, scopes: token.scopes };
  }

  @Delete(':id')
  @RequireRoles('manager')
  remove(@Tenant() tenantId: string): string {
    return tenantId;
  }

  @Get('health')
  @Public()
  health(@Token() token: unknown, @Tenant() tenantId: unknown, @BearerToken() bearer: unknown): unknown {
    return { token: token ?? 'none', tenantId: tenantId ?? 'none', bearer: bearer ?? 'none' };
  }

  @Get('bearer')
  bearer(@BearerToken() bearer: string): string {
    return bearer;
  }

  @Get('plain')
  plain(): string {
    return 'any token';
  }
}

@Controller('rules')
class RulesController {
  @Get('all-scopes')
  @RequireScopes('a', 'b')
  allScopes(): string {
    return 'in';
  }

  @Get('any-scope')
  @RequireAnyScope('a', 'b')
  anyScope(): string {
    return 'in';
  }

  @Get('all-roles')
  @RequireRoles('a', 'b')
  allRoles(): string {
    return 'in';
  }

  @Get('any-role')
  @RequireAnyRole('a', 'b')
  anyRole(): string {
    return 'in';
  }

  @Get('groups')
  @RequireGroups('a', 'b')
  groups(): string {
    return 'in';
  }

  @Get('resources')
  @RequireResources('a', 'b')
  resources(): string {
    return 'in';
  }

  @Get('permission')
  @RequirePermission('orders', 'read')
  permission(): string {
    return 'in';
  }

  @Get('tenant')
  @RequireTenant('globex', 'initech')
  tenant(): string {
    return 'in';
  }

  @Get('issuer')
  @RequireIssuer('https://tessera.test/tenants/globex', 'https://tessera.test/tenants/initech')
  issuer(): string {
    return 'in';
  }

  @Get('of/:tenantId')
  @RequireTenantParam('tenantId')
  tenantParam(): string {
    return 'in';
  }

  @Get('surface')
  @RequireSurface('admin')
  surface(): string {
    return 'in';
  }

  @Get('service')
  @RequireSurface('service')
  service(): string {
    return 'in';
  }

  @Get('actor')
  @RequireActor('shop/web', 'client:shop/app')
  actor(): string {
    return 'in';
  }

  @Get('fresh')
  @RequireFreshRevocations()
  fresh(): string {
    return 'in';
  }
}

@Controller('strict')
@RequireScopes('class')
class StrictController {
  @Get('adds')
  @RequireScopes('method')
  adds(): string {
    return 'in';
  }

  @Get('inherits')
  inherits(): string {
    return 'in';
  }

  @Get('opened')
  @Public()
  opened(): string {
    return 'in';
  }
}

@Controller('child')
@RequireRoles('child')
class ChildController extends StrictController {}

@Controller('open')
@Public()
class OpenController {
  @Get()
  open(): string {
    return 'in';
  }

  @Get('closed')
  @RequireScopes('x')
  closed(): string {
    return 'in';
  }
}

const applications: NestFastifyApplication[] = [];

async function start(
  controllers: Type[],
  options: Partial<TesseraClientOptions> = {},
  extras: object = {},
  providers: Type[] = [],
): Promise<NestFastifyApplication> {
  const module = await Test.createTestingModule({
    imports: [TesseraClientModule.forRoot({ ...PRODUCTION, ...extras })],
    controllers,
    providers,
  })
    .overrideProvider(TESSERA_CLIENT_OPTIONS)
    .useValue({ ...tessera.clientOptions, ...options })
    .compile();
  const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
  app.useLogger(false);
  applications.push(app);
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  return app;
}

afterAll(async () => {
  for (const app of applications) await app.close();
});

async function listening(app: NestFastifyApplication): Promise<AddressInfo> {
  const server: Server = app.getHttpServer();
  if (!server.listening) await app.listen(0, '127.0.0.1');
  return server.address() as AddressInfo;
}

async function call(
  app: NestFastifyApplication,
  url: string,
  token?: string | TestTokenFields,
  method: 'GET' | 'DELETE' = 'GET',
): Promise<{ status: number; body: string; headers: Record<string, unknown> }> {
  const bearer = typeof token === 'object' ? tessera.token(token) : token;
  const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
  const response = await app.inject({ method, url, headers });
  return { status: response.statusCode, body: response.body, headers: response.headers };
}

describe('TesseraGuard on every route', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    app = await start([OrdersController, RulesController, StrictController, ChildController, OpenController], {
      surfaces: ['user', 'admin', 'service'],
    });
  });

  it('accepts a good token and passes it to the handler', async () => {
    const answer = await call(app, '/orders', { subject: 'u-ada', scopes: ['orders:read'] });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toEqual({ subject: 'u-ada', scopes: ['orders:read'] });
    expect((await call(app, '/orders/7', { tenantId: 'globex', roles: ['manager'] }, 'DELETE')).body).toBe('globex');
    expect((await call(app, '/orders/plain', {})).status).toBe(200);
  });

  it('answers a missing token with 401 and no error in the challenge', async () => {
    const { status, headers, body } = await call(app, '/orders/plain');
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toBe('Bearer realm="shop-api"');
    expect(headers['content-type']).toContain('application/problem+json');
    expect(JSON.parse(body)).toEqual({
      type: 'about:blank',
      title: 'Unauthorized',
      status: 401,
      error: 'token_missing',
    });
  });

  it('answers every refused token with one 401', async () => {
    const revoked = tessera.token();
    tessera.revoke(revoked);
    const bodies = new Set<string>();
    for (const token of [
      tessera.forgedToken(),
      tessera.token({ ttlSeconds: -60 }),
      tessera.token({ audience: 'other' }),
      tessera.token({ tenantId: 'evil' }),
      revoked,
      'garbage',
      `${tessera.token()}x`,
    ]) {
      const { status, headers, body } = await call(app, '/orders/plain', token);
      expect(status).toBe(401);
      expect(headers['www-authenticate']).toBe('Bearer realm="shop-api", error="invalid_token"');
      bodies.add(body);
    }
    expect([...bodies].map((body) => JSON.parse(body) as unknown)).toEqual([
      { type: 'about:blank', title: 'Unauthorized', status: 401, error: 'invalid_token' },
    ]);
  });

  it.each(['', 'Basic dXNlcjpwYXNz', 'Bearer', 'Bearer ', 'Token x', 'Bearer a b', 'Bearer a, Bearer b', 'Bearer a,b'])(
    'refuses the header %j',
    async (authorization) => {
      const response = await app.inject({ url: '/orders/plain', headers: { authorization } });
      expect(response.statusCode).toBe(401);
      expect(response.headers['www-authenticate']).toBe('Bearer realm="shop-api", error="invalid_token"');
    },
  );

  it('reads no token from the query, a cookie or another header', async () => {
    const token = tessera.token();
    const response = await app.inject({
      url: `/orders/plain?access_token=${token}`,
      headers: { cookie: `access_token=${token}`, 'x-authorization': `Bearer ${token}` },
    });
    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toBe('Bearer realm="shop-api"');
  });

  it.each(BEARER_FORMS)('accepts or refuses, as the service does: $name', async ({ headers, accepted }) => {
    const { port } = await listening(app);
    const values = headers(tessera.token()).flatMap((value) => ['authorization', value]);
    const status = await new Promise((resolve, reject) => {
      const options = {
        port,
        host: '127.0.0.1',
        path: '/orders/plain',
        headers: ['host', 'x', ...values],
        agent: false,
      };
      httpRequest(options, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(accepted ? 200 : 401);
  });

  it('opens a public route with any token or none, and passes no token to the handler', async () => {
    for (const token of [undefined, 'garbage', tessera.forgedToken(), tessera.token()]) {
      const answer = await call(app, '/orders/health', token);
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body)).toEqual({ token: 'none', tenantId: 'none', bearer: 'none' });
    }
  });

  it('passes the token as it was sent to the handler', async () => {
    const token = tessera.token();
    expect((await call(app, '/orders/bearer', token)).body).toBe(token);
    const response = await app.inject({ url: '/orders/bearer', headers: { authorization: `bearer   ${token}` } });
    expect(response.body).toBe(token);
  });

  it.each<[string, TestTokenFields, TestTokenFields[]]>([
    ['all-scopes', { scopes: ['b', 'a'] }, [{ scopes: ['a'] }, {}, { scopes: ['ab'] }, { roles: ['a', 'b'] }]],
    ['any-scope', { scopes: ['b'] }, [{ scopes: ['c'] }, {}, { scopes: ['A'] }]],
    ['all-roles', { roles: ['a', 'b', 'c'] }, [{ roles: ['a'] }, {}, { scopes: ['a', 'b'] }]],
    ['any-role', { roles: ['b'] }, [{ roles: ['c'] }, {}, { groups: ['b'] }]],
    ['groups', { groups: ['a', 'b'] }, [{ groups: ['a'] }, { roles: ['a', 'b'] }]],
    ['resources', { resources: ['a', 'b'] }, [{ resources: ['b'] }, { scopes: ['a', 'b'] }]],
    [
      'permission',
      { resources: ['orders'], scopes: ['orders:read'] },
      [{ resources: ['orders'] }, { scopes: ['orders:read'] }, { resources: ['orders'], scopes: ['orders:write'] }],
    ],
    ['tenant', { tenantId: 'globex' }, [{ tenantId: 'acme' }]],
    ['issuer', { tenantId: 'globex' }, [{ tenantId: 'acme' }]],
    ['of/globex', { tenantId: 'globex' }, [{ tenantId: 'acme' }]],
    ['surface', { surface: 'admin' }, [{ surface: 'user' }, { surface: 'service' }]],
    ['service', { surface: 'service' }, [{ surface: 'user' }, { surface: 'admin' }]],
    [
      'actor',
      { actor: { sub: 'client:shop/web', act: { sub: 'client:shop/first' } } },
      [
        {},
        { clientId: 'web', projectId: 'shop' },
        { surface: 'service', clientId: 'web', projectId: 'shop' },
        { actor: { sub: 'client:shop/other', client_id: 'web' } },
        { actor: { sub: 'client:other/web' } },
        { actor: { sub: 'shop/web' } },
        // Only the current actor counts (RFC 8693, section 4.1).
        { actor: { sub: 'client:shop/other', act: { sub: 'client:shop/web' } } },
      ],
    ],
    [
      'actor',
      { surface: 'service', actor: { sub: 'client:shop/app', client_id: 'app' } },
      [{ actor: { sub: 'u-ada' } }],
    ],
  ])('requirement %s', async (path, good, bad) => {
    expect((await call(app, `/rules/${path}`, good)).status).toBe(200);
    for (const fields of bad) {
      const { status, body, headers } = await call(app, `/rules/${path}`, fields);
      expect(status).toBe(403);
      expect(JSON.parse(body)).toEqual({
        type: 'about:blank',
        title: 'Forbidden',
        status: 403,
        error: 'insufficient_scope',
      });
      const scope = path.endsWith('scopes') || path.endsWith('scope') ? ', scope="a b"' : '';
      expect(headers['www-authenticate']).toBe(`Bearer realm="shop-api", error="insufficient_scope"${scope}`);
    }
    expect((await call(app, `/rules/${path}`)).status).toBe(401);
  });

  it('adds class and method up', async () => {
    expect((await call(app, '/strict/adds', { scopes: ['class', 'method'] })).status).toBe(200);
    for (const scopes of [['class'], ['method'], []])
      expect((await call(app, '/strict/adds', { scopes })).headers['www-authenticate']).toContain(
        'scope="class method"',
      );
    expect((await call(app, '/strict/inherits', { scopes: ['class'] })).status).toBe(200);
    expect((await call(app, '/strict/inherits', {})).status).toBe(403);
    expect((await call(app, '/strict/opened')).status).toBe(200);
  });

  it('adds up the classes that a class extends', async () => {
    expect((await call(app, '/child/inherits', { scopes: ['class'], roles: ['child'] })).status).toBe(200);
    expect((await call(app, '/child/inherits', { scopes: ['class'] })).status).toBe(403);
    expect((await call(app, '/child/inherits', { roles: ['child'] })).status).toBe(403);
    expect((await call(app, '/strict/inherits', { scopes: ['class'] })).status).toBe(200);
  });

  it('keeps a method with a requirement closed in a public class', async () => {
    expect((await call(app, '/open')).status).toBe(200);
    expect((await call(app, '/open/closed')).status).toBe(401);
    expect((await call(app, '/open/closed', {})).status).toBe(403);
    expect((await call(app, '/open/closed', { scopes: ['x'] })).status).toBe(200);
  });

  it('applies a rule that is added after the first call', async () => {
    @Controller('late')
    class LateController {
      @Get()
      @RequireScopes('first')
      list(): string {
        return 'in';
      }
    }
    const late = await start([LateController]);
    expect((await call(late, '/late', { scopes: ['first'] })).status).toBe(200);
    RequireScopes('second')(LateController);
    expect((await call(late, '/late', { scopes: ['first'] })).status).toBe(403);
    expect((await call(late, '/late', { scopes: ['first', 'second'] })).status).toBe(200);
  });

  it('requires fresh revocations', async () => {
    expect((await call(app, '/rules/fresh', {})).status).toBe(200);
    const stale = await start([RulesController], { revocations: 'off' });
    const { status, headers, body } = await call(stale, '/rules/fresh', {});
    expect(status).toBe(503);
    expect(headers['retry-after']).toBe('1');
    expect(headers['www-authenticate']).toBeUndefined();
    expect(JSON.parse(body)).toEqual({
      type: 'about:blank',
      title: 'Service Unavailable',
      status: 503,
      error: 'temporarily_unavailable',
    });
  });

  it('answers 503 when a token cannot be verified now', async () => {
    const failing = await start([OrdersController], {
      revocations: {
        source: {
          isRevoked: () => {
            throw new Error('down');
          },
        },
      },
    });
    expect((await call(failing, '/orders/plain', {})).status).toBe(503);
  });

  it('names the realm that was given', async () => {
    const named = await start([OrdersController], { realm: 'The shop' });
    expect((await call(named, '/orders/plain')).headers['www-authenticate']).toBe('Bearer realm="The shop"');
  });

  it('refuses an admin token where only user tokens are accepted', async () => {
    const users = await start([OrdersController]);
    expect((await call(users, '/orders/plain', { surface: 'admin' })).status).toBe(401);
    expect((await call(users, '/orders/plain', {})).status).toBe(200);
  });
});

describe('TesseraGuard with guard: manual', () => {
  @Controller('manual')
  class ManualController {
    @Get('guarded')
    @UseGuards(TesseraGuard)
    guarded(@Token() token: VerifiedToken): string {
      return token.tenantId;
    }

    @Get('unguarded')
    unguarded(): string {
      return 'in';
    }
  }

  it('closes only where it is used', async () => {
    const app = await start([ManualController], {}, { guard: 'manual' });
    expect((await call(app, '/manual/unguarded')).status).toBe(200);
    expect((await call(app, '/manual/guarded')).status).toBe(401);
    expect((await call(app, '/manual/guarded', {})).body).toBe('acme');
  });

  it('is not switched off by a misspelled value', () => {
    expect(() => TesseraClientModule.forRoot({ ...PRODUCTION, guard: 'globl' as 'global' })).toThrow(TypeError);
  });

  it('can be extended, but cannot be made to accept a refused call', async () => {
    const refused: [HttpException, string | undefined][] = [];
    @Injectable()
    class MyGuard extends TesseraGuard {
      protected override extractToken(context: ExecutionContext): string | undefined {
        const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string | undefined> }>();
        return headers['x-token'];
      }

      protected override onRefused(_: ExecutionContext, error: HttpException): void {
        refused.push([error, (error.cause as TokenError | undefined)?.code]);
      }
    }
    @Controller('mine')
    @UseGuards(MyGuard)
    class MyController {
      @Get()
      get(): string {
        return 'in';
      }
    }
    const app = await start([MyController], {}, { guard: 'manual' }, [MyGuard]);
    const get = async (headers: Record<string, string>): Promise<number> =>
      (await app.inject({ url: '/mine', headers })).statusCode;
    expect(await get({ 'x-token': tessera.token() })).toBe(200);
    expect(await get({ 'x-token': tessera.forgedToken() })).toBe(401);
    expect(await get({})).toBe(401);
    expect(refused.map(([error, code]) => [error.getStatus(), code])).toEqual([
      [401, 'TOKEN_SIGNATURE_INVALID'],
      [401, undefined],
    ]);
  });
});

describe('TesseraGuard outside HTTP', () => {
  class Handlers {
    @RequireScopes('x')
    closed(): void {
      return undefined;
    }

    @Public()
    open(): void {
      return undefined;
    }
  }

  function contextOf(type: string, args: unknown[], handler: 'closed' | 'open' = 'closed'): ExecutionContext {
    return {
      getType: () => type,
      getArgs: () => args,
      getArgByIndex: (index: number) => args[index],
      getClass: () => Handlers,
      // eslint-disable-next-line @typescript-eslint/unbound-method -- as Nest hands it out
      getHandler: () => Handlers.prototype[handler],
    } as unknown as ExecutionContext;
  }

  async function guardWith(options: Partial<TesseraClientOptions> = {}): Promise<TesseraGuard> {
    return (await start([], options)).get(TesseraGuard);
  }

  it.each(['rpc', 'ws', 'something'])('refuses %s, without extractToken', async (type) => {
    const guard = await guardWith();
    const headers = { authorization: `Bearer ${tessera.token({ scopes: ['x'] })}` };
    await expect(guard.canActivate(contextOf(type, [{ headers }, { headers }]))).rejects.toMatchObject({ status: 401 });
    expect(await guard.canActivate(contextOf(type, [], 'open'))).toBe(true);
  });

  it.each(['rpc', 'ws', 'something'])('takes the token of %s from extractToken', async (type) => {
    const guard = await guardWith({ extractToken: (context) => context.getArgByIndex<{ token: string }>(1).token });
    expect(await guard.canActivate(contextOf(type, [{}, { token: tessera.token({ scopes: ['x'] }) }]))).toBe(true);
    await expect(guard.canActivate(contextOf(type, [{}, { token: 'x' }]))).rejects.toMatchObject({ status: 401 });
    await expect(guard.canActivate(contextOf(type, [{}, { token: tessera.token() }]))).rejects.toMatchObject({
      status: 403,
    });
  });

  it('passes the later of two tokens that came on one connection', async () => {
    const guard = await guardWith({ extractToken: (context) => context.getArgByIndex<{ token: string }>(1).token });
    const message = { token: '' };
    for (const subject of ['u-ada', 'u-bob']) {
      message.token = tessera.token({ subject, scopes: ['x'] });
      const context = contextOf('rpc', [{}, message]);
      expect(await guard.canActivate(context)).toBe(true);
      expect(carriedToken(context)?.subject).toBe(subject);
    }
    expect(carriedToken(contextOf('rpc', [{}, { ...message }]))).toBeUndefined();
  });

  it('reads the header of the request of a GraphQL call', async () => {
    const guard = await guardWith();
    const args = (token: string): unknown[] => [{}, {}, { req: { headers: { authorization: `Bearer ${token}` } } }, {}];
    expect(await guard.canActivate(contextOf('graphql', args(tessera.token({ scopes: ['x'] }))))).toBe(true);
    await expect(guard.canActivate(contextOf('graphql', args('x')))).rejects.toMatchObject({ status: 401 });
    await expect(guard.canActivate(contextOf('graphql', [{}, {}, {}, {}]))).rejects.toMatchObject({ status: 401 });
  });
});

describe('the start of an application', () => {
  async function startsWith(controller: Type): Promise<string> {
    try {
      await start([controller]);
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
      return (error as TypeError).message;
    }
    return 'started';
  }

  it('stops at @Public() beside a requirement, on a method or a class', async () => {
    @Controller()
    class OnMethod {
      @Get()
      @Public()
      @RequireScopes('a')
      handler(): void {
        return undefined;
      }
    }
    @Controller()
    @RequireScopes('a')
    @Public()
    class OnClass {}
    @Controller()
    @Public()
    class Inheriting extends StrictController {}
    expect(await startsWith(OnMethod)).toMatch(/^OnMethod\.handler: @Public\(\)/);
    expect(await startsWith(OnClass)).toMatch(/^OnClass: @Public\(\)/);
    expect(await startsWith(Inheriting)).toMatch(/^Inheriting: @Public\(\)/);
  });

  it('stops at a requirement without a name, or with a name that no token can hold', async () => {
    const required: ((...names: string[]) => MethodDecorator)[] = [
      RequireScopes,
      RequireAnyScope,
      RequireRoles,
      RequireAnyRole,
      RequireGroups,
      RequireResources,
      RequireIssuer,
      RequireTenant,
      RequireActor,
    ] as never;
    for (const decorator of required)
      for (const names of [[], [''], ['a b'], ['a"'], [undefined as never]]) {
        @Controller()
        class Broken {
          @Get()
          @decorator(...names)
          handler(): void {
            return undefined;
          }
        }
        expect(await startsWith(Broken)).toMatch(/^Broken\.handler: a requirement/);
      }
  });

  it.each<[string, string[]]>([
    ['no name', []],
    ['an empty name', ['']],
    ['a client without its project', ['web']],
    ['three parts', ['shop/web/x']],
    ['another kind of subject', ['user:shop/web']],
    ['capitals', ['Shop/web']],
    ['an empty client', ['shop/']],
    ['nothing behind the kind', ['client:']],
    ['a good name and a wrong one', ['shop/web', 'shop']],
    ['nothing', [undefined as never]],
    ['a number', [7 as never]],
  ])('stops at @RequireActor with %s, and names the handler', async (_, names) => {
    @Controller()
    class Broken {
      @Get()
      @RequireActor(...(names as [string]))
      handler(): void {
        return undefined;
      }
    }
    expect(await startsWith(Broken)).toMatch(/^Broken\.handler: a requirement .*: (?:write|name|use) /);
  });

  it('stops at @RequireTenantParam without that parameter in the path', async () => {
    @Controller('tenants')
    class Without {
      @Get(':tenant')
      @RequireTenantParam('tenantId')
      handler(): void {
        return undefined;
      }
    }
    @Controller('tenants/:tenantId')
    @RequireTenantParam('tenantId')
    class OnController {
      @Get('orders')
      handler(): void {
        return undefined;
      }

      notAHandler(): void {
        return undefined;
      }
    }
    @Controller()
    @RequireTenantParam('tenantId')
    class InSomePaths {
      @Get(['t/:tenantId', 'all'])
      handler(): void {
        return undefined;
      }
    }
    expect(await startsWith(Without)).toMatch(/^Without\.handler: @RequireTenantParam/);
    expect(await startsWith(InSomePaths)).toMatch(/^InSomePaths\.handler: @RequireTenantParam/);
    expect(await startsWith(OnController)).toBe('started');
  });

  it('stops at wrong options', async () => {
    await expect(start([], { audience: '' })).rejects.toThrow(TypeError);
    await expect(start([], { realm: 'a"b' })).rejects.toThrow(TypeError);
  });
});
