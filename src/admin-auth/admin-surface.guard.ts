import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { contextOf } from '../http/request-context.ts';

/**
 * The second check of the admin surface: a controller of this module serves only requests whose row in src/http/routes/route-table.ts says `admin`. A row or
 * controller that was copied from the other surface therefore fails.
 */
@Injectable()
export class AdminSurfaceGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { row, caller } = contextOf(context.switchToHttp().getRequest<FastifyRequest>());
    return row?.surface === 'admin' && (caller === undefined || caller.surface === 'admin');
  }
}
