import type { OnApplicationShutdown } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { readBearer, type VerificationKey, type VerifiedToken } from '@tessera/token/core';
import type { FastifyRequest } from 'fastify';
import passport from 'passport';
import { Strategy, type StrategyOptions } from 'passport-jwt';
import { TesseraError } from '../errors/tessera-error.ts';
import { contextOf } from '../http/request-context.ts';
import type { Surface } from '../domain/surface.ts';
import type { SecondVerification } from './second-verification.ts';

/** What passport does with the result of a strategy. It binds these three to the object that it makes of the strategy for each request. */
interface PassportActions {
  success(user: VerifiedToken): void;
  fail(reason: unknown, status?: number): void;
  error(error: unknown): void;
}

let strategies = 0;

/**
 * The second, independent verification of the bearer routes: passport-jwt (jsonwebtoken), behind the strict verifier that the edge has asked. It gets the
 * key that the strict verifier used and must read the same claims from the token.
 *
 * The strict verifier stays first and decides more: form, issuer, claims, surface, revocation. jsonwebtoken alone accepts base64url that is not
 * canonical, duplicate claims and unknown header members. It knows no EdDSA: a token of such a key is verified once only.
 */
export abstract class OwnJwtStrategy extends PassportStrategy(Strategy) implements OnApplicationShutdown {
  // Not #private: passport calls `authenticate` on an object that inherits from this one, and private names are not inherited.
  private readonly verification: SecondVerification;

  constructor(verification: SecondVerification) {
    const options: StrategyOptions = {
      jwtFromRequest: tokenOf,
      secretOrKeyProvider: (request: FastifyRequest, _token, done) => {
        // passport-jwt neither awaits a provider nor catches what it rejects with: that would end the process.
        keyFor(verification, request)
          .then(({ publicKey }) => {
            // jsonwebtoken takes key objects; the types of passport-jwt are older.
            done(null, publicKey as unknown as Buffer);
          })
          .catch((error: unknown) => {
            done(error);
          });
      },
      algorithms: ['ES256', 'RS256'],
      // `exp` and `nbf` are checked in `validate`, by the injected clock.
      ignoreExpiration: true,
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- passport-jwt has no other option for `nbf`
      jsonWebTokenOptions: { ignoreNotBefore: true },
      passReqToCallback: true,
    };
    super(options);
    this.verification = verification;
    // Passport finds strategies by name in the whole process: two applications in one process must not answer for each other.
    strategies += 1;
    this.name = `tessera-${new.target.name}-${strategies}`;
    passport.use(this.name, this);
  }

  /** The surface that the token must be of. */
  abstract surfaceOf(request: FastifyRequest): Surface;

  /** @param request Fastify's; the types of passport know Express's alone */
  override authenticate(request: unknown): void {
    const actions = this as PassportActions;
    this.verifyOnce(request as FastifyRequest)
      .then((caller) => {
        if (caller === undefined) super.authenticate(request as never);
        else actions.success(caller);
      })
      // A rejection that nobody handles would end the process, and passport would never answer.
      .catch((error: unknown) => {
        actions.error(error);
      });
  }

  /** Called with what jsonwebtoken read from the token, after it verified the signature. */
  async validate(request: FastifyRequest, payload: unknown): Promise<VerifiedToken> {
    const caller = callerAt(request, this.surfaceOf(request));
    this.verification.agree(tokenOf(request) ?? '', await this.verification.keyOf(caller), caller, payload);
    return caller;
  }

  onApplicationShutdown(): void {
    passport.unuse(this.name);
  }

  /** The mixin of @nestjs/passport registers every strategy as `jwt`; that name goes to a register that nobody asks. */
  getPassportInstance(): passport.Authenticator {
    return new passport.Authenticator();
  }

  /** @returns undefined when jsonwebtoken has to verify the token first */
  private async verifyOnce(request: FastifyRequest): Promise<VerifiedToken | undefined> {
    const caller = callerAt(request, this.surfaceOf(request));
    const token = tokenOf(request);
    if (token === null) throw new TesseraError('unauthorized', 'bearer: not one bearer token');
    const key = await this.verification.keyOf(caller);
    return key.alg === 'EdDSA' || this.verification.hasAgreed(token, key, caller) ? caller : undefined;
  }
}

function keyFor(verification: SecondVerification, request: FastifyRequest): Promise<VerificationKey> {
  const { caller } = contextOf(request);
  return caller === undefined ? Promise.reject(notVerified()) : verification.keyOf(caller);
}

/** The caller that the edge has verified in this request. */
function callerAt(request: FastifyRequest, surface: Surface): VerifiedToken {
  const { caller } = contextOf(request);
  if (caller === undefined) throw notVerified();
  if (caller.surface !== surface) throw new TesseraError('unauthorized', 'bearer: the token is of another surface');
  return caller;
}

function notVerified(): TesseraError {
  return new TesseraError('unauthorized', 'bearer: the edge has verified no token');
}

function tokenOf(request: FastifyRequest): string | null {
  const bearer = readBearer(request.raw.headersDistinct['authorization'] ?? []);
  return bearer.kind === 'token' ? bearer.token : null;
}
