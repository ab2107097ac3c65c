import { type ExecutionContext, type HttpException, Injectable, Logger, UnauthorizedException } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { WsException } from '@nestjs/websockets';
import type { TokenError } from '@tessera/token';
import { type TesseraClientOptions, TesseraGuard } from '../../src/index.ts';
import { carriedBearer, carriedToken } from '../../src/guard/carried-token.ts';
import { compileApplication, tessera } from '../applications/application.ts';

/** The contexts that Nest hands to guards, one by one: what is the token read from, and what is thrown. */
class Handlers {
  handler(): void {
    return undefined;
  }
}

function contextOf(type: string, args: readonly unknown[]): ExecutionContext {
  return {
    getType: () => type,
    getArgs: () => args,
    getArgByIndex: (index: number) => args[index],
    getClass: () => Handlers,
    // eslint-disable-next-line @typescript-eslint/unbound-method -- as Nest hands it out
    getHandler: () => Handlers.prototype.handler,
  } as unknown as ExecutionContext;
}

beforeAll(() => {
  Logger.overrideLogger(false);
});

const seen: HttpException[] = [];

@Injectable()
class WatchedGuard extends TesseraGuard {
  protected override onRefused(_: ExecutionContext, error: HttpException): void {
    seen.push(error);
  }
}

@Injectable()
class OwnGuard extends TesseraGuard {
  protected override onRefused(): never {
    throw new WsException('mine');
  }
}

async function guardWith(
  extractToken: TesseraClientOptions['extractToken'] = () => undefined,
  guard: typeof WatchedGuard | typeof OwnGuard = WatchedGuard,
): Promise<TesseraGuard> {
  const module = await compileApplication({ providers: [guard], options: { extractToken } });
  return module.get<TesseraGuard>(guard);
}

const withToken = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const INFO = { fieldName: 'order', parentType: 'Query', schema: {}, operation: {} };

describe('a GraphQL operation', () => {
  const token = tessera.token({ subject: 'u-ada' });
  const good = { req: withToken(token) };

  it.each([
    ['a resolver', [{}, {}, good, INFO]],
    ['a reference resolver', [{}, good, INFO]],
    ['a resolver of the type of a value', [{}, good, INFO, { name: 'Node' }]],
  ])('has its token in the request of its context: %s', async (_, args) => {
    const context = contextOf('graphql', args);
    expect(await (await guardWith()).canActivate(context)).toBe(true);
    expect(carriedToken(context)?.subject).toBe('u-ada');
    expect(carriedBearer(context)).toBe(token);
  });

  it.each([
    ['the arguments', [{}, good, {}, INFO]],
    ['the arguments, where there is no context', [{}, good, undefined, INFO]],
    ['the parent', [good, {}, {}, INFO]],
    ['the reference', [good, {}, INFO]],
  ])('has no token in what the caller chooses: %s', async (_, args) => {
    await expect((await guardWith()).canActivate(contextOf('graphql', args))).rejects.toMatchObject({
      extensions: { error: 'token_missing' },
    });
  });

  it.each([
    ['no request', {}],
    ['the connection of a subscription', { req: { connectionParams: {}, extra: {} } }],
    ['headers that are none', { req: { headers: 'authorization' } }],
  ])('asks extractToken where its context has %s', async (_, context) => {
    const args = [{}, {}, context, INFO];
    expect(await (await guardWith(() => token)).canActivate(contextOf('graphql', args))).toBe(true);
    await expect((await guardWith(() => undefined)).canActivate(contextOf('graphql', args))).rejects.toMatchObject({
      status: 401,
    });
  });

  it('does not ask extractToken where there is a request', async () => {
    const args = [{}, {}, { req: { headers: {} } }, INFO];
    await expect((await guardWith(() => token)).canActivate(contextOf('graphql', args))).rejects.toMatchObject({
      status: 401,
    });
  });

  it('keeps its own token, when another operation has the same request', async () => {
    const req = { connectionParams: {} };
    const guard = await guardWith((context) => context.getArgByIndex<{ token: string }>(2).token);
    const contexts = ['u-ada', 'u-bob'].map((subject) =>
      contextOf('graphql', [{}, {}, { req, token: tessera.token({ subject }) }, INFO]),
    );
    for (const context of contexts) expect(await guard.canActivate(context)).toBe(true);
    expect(contexts.map((context) => carriedToken(context)?.subject)).toEqual(['u-ada', 'u-bob']);
  });
});

describe('the exception of a refusal', () => {
  async function refused(type: string): Promise<Error> {
    const forged = tessera.forgedToken();
    const args = type === 'graphql' ? [{}, {}, { req: withToken(forged) }, INFO] : [withToken(forged), {}];
    try {
      await (await guardWith(() => forged)).canActivate(contextOf(type, args));
    } catch (error) {
      return error as Error;
    }
    throw new Error('was accepted');
  }

  it.each([
    ['http', UnauthorizedException],
    ['graphql', UnauthorizedException],
    ['ws', WsException],
    ['rpc', RpcException],
    ['something', UnauthorizedException],
  ])('is of the class that the filters of %s know, and keeps its cause', async (type, Exception) => {
    const error = await refused(type);
    expect(error).toBeInstanceOf(Exception);
    expect((error.cause as TokenError).code).toBe('TOKEN_SIGNATURE_INVALID');
    expect(JSON.stringify(error)).not.toMatch(/TOKEN_|signature/i);
  });

  it.each(['http', 'graphql', 'ws', 'rpc', 'something'])('is an HttpException for onRefused: %s', async (type) => {
    await refused(type);
    const error = seen.at(-1)!;
    expect(error).toBeInstanceOf(UnauthorizedException);
    expect((error.cause as TokenError).code).toBe('TOKEN_SIGNATURE_INVALID');
  });

  it.each(['ws', 'rpc'])('is what onRefused throws instead: %s', async (type) => {
    const guard = await guardWith(undefined, OwnGuard);
    await expect(guard.canActivate(contextOf(type, [{}, {}]))).rejects.toThrow('mine');
  });
});
