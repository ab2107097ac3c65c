import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { contextOf } from '../http/request-context.ts';

/**
 * The second lock on the user surface: a controller of this module serves only requests whose row in src/http/route-table.ts says `user`, so that a row or
 * a controller that was copied across surfaces opens nothing.
 */
@Injectable()
export class UserSurfaceGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { row, caller } = contextOf(context.switchToHttp().getRequest<FastifyRequest>());
    return row?.surface === 'user' && (caller === undefined || caller.surface === 'user');
  }
}
