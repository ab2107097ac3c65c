import type { ExecutionContext } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { isVerifiedToken } from '@tessera/token';
import type { FastifyRequest } from 'fastify';
import { TesseraError } from '../../errors/tessera-error.ts';
import { contextOf } from '../../http/request-context.ts';
import type { OwnJwtStrategy } from './own-jwt.strategy.ts';

/** Allows a bearer route only if two implementations have verified the token. The first verification ran at the edge, before the body was read. */
export abstract class OwnJwtGuard extends AuthGuard() {
  readonly #strategy: OwnJwtStrategy;

  constructor(strategy: OwnJwtStrategy) {
    // The name of this application's own strategy, which is unique in the process.
    super({ defaultStrategy: strategy.name });
    this.#strategy = strategy;
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest & { user?: unknown }>();
    // Passport runs once for each token: it costs as much as the rest of a request.
    if (await this.#strategy.isDone(request)) return true;
    await super.canActivate(context);
    // AuthGuard also returns true if a strategy called `pass()`, which sets no user.
    const { user } = request;
    if (!isVerifiedToken(user) || user !== contextOf(request).caller)
      throw new TesseraError('unauthorized', 'bearer: the second verification named no caller');
    return true;
  }

  /** passport-jwt reports the error of its key provider as a failed authentication: an outage must stay a 503. */
  override handleRequest<TUser>(error: unknown, user: TUser | false | null | undefined, info: unknown): TUser {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- whatever was thrown is answered by the problem filter
    if (error !== null && error !== undefined) throw error;
    if (info instanceof TesseraError) throw info;
    if (user === false || user === null || user === undefined)
      throw new TesseraError('unauthorized', 'bearer: a second implementation rejects the token', { cause: info });
    return user;
  }
}
