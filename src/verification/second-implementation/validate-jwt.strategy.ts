import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Surface } from '../../domain/surface.ts';
import { queryParameter } from '../../http/bodies/query-parameter.ts';
import { askedSurface } from '../../http/routes/asked-surface.ts';
import { OwnJwtStrategy } from './own-jwt.strategy.ts';
import { SecondVerification } from './second-verification.ts';

/** For the routes below /auth/validate, which take a token of the surface that `?surface=` names. */
@Injectable()
export class ValidateJwtStrategy extends OwnJwtStrategy {
  constructor(@Inject(SecondVerification) verification: SecondVerification) {
    super(verification);
  }

  override surfaceOf(request: FastifyRequest): Surface {
    return askedSurface(queryParameter(request.query, 'surface'));
  }
}
