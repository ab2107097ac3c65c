import type { OnApplicationShutdown } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { readBearer, type VerificationKey, type VerifiedToken } from '@tessera/token/core';
import { isVerifiedToken } from '@tessera/token';
import type { FastifyRequest } from 'fastify';
import passport from 'passport';
import { Strategy, type StrategyOptions } from 'passport-jwt';
import { TesseraError } from '../../errors/tessera-error.ts';
import { authorizationOf } from '../../http/header-values.ts';
import { contextOf } from '../../http/request-context.ts';
import type { Surface } from '../../domain/surface.ts';
import type { SecondVerification } from './second-verification.ts';

let strategies = 0;

/**
 * The second, independent verification of the bearer routes: passport-jwt (jsonwebtoken), after the strict verifier at the edge. It gets the key that
 * the strict verifier used and must read the same claims from the token.
 *
 * The strict verifier stays first and decides more: form, issuer, claims, surface, revocation. jsonwebtoken alone accepts base64url that is not
 * canonical, duplicate claims and unknown header members. It knows no EdDSA: a token of such a key is verified once only.
 */
export abstract class OwnJwtStrategy extends PassportStrategy(Strategy) implements OnApplicationShutdown {
  readonly #verification: SecondVerification;
  /** The key that passport-jwt got for a request. Its result is valid only for that key. */
  readonly #keys: WeakMap<FastifyRequest, VerificationKey>;

  constructor(verification: SecondVerification) {
    const keys = new WeakMap<FastifyRequest, VerificationKey>();
    const options: StrategyOptions = {
      jwtFromRequest: tokenOf,
      secretOrKeyProvider: (request: FastifyRequest, _token, done) => {
        // passport-jwt neither awaits a provider nor catches its rejection, which would crash the process.
        keyFor(verification, request)
          .then((key) => {
            keys.set(request, key);
            // jsonwebtoken accepts key objects; the types of passport-jwt are outdated.
            done(null, key.publicKey as unknown as Buffer);
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
    this.#verification = verification;
    this.#keys = keys;
    // Passport finds strategies by name in the whole process, so each application needs its own name.
    strategies += 1;
    this.name = `tessera-${new.target.name}-${strategies}`;
    passport.use(this.name, this);
  }

  /** The required surface of the token. */
  abstract surfaceOf(request: FastifyRequest): Surface;

  /**
   * Whether jsonwebtoken can be skipped: it has accepted this token before, or it does not support the key's algorithm.
   *
   * @throws TesseraError unauthorized, temporarily_unavailable
   */
  async isDone(request: FastifyRequest): Promise<boolean> {
    const caller = callerAt(request, this.surfaceOf(request));
    const token = tokenOf(request);
    if (token === null) throw new TesseraError('unauthorized', 'bearer: not one bearer token');
    const key = await this.#verification.keyOf(caller);
    return key.alg === 'EdDSA' || this.#verification.hasAgreed(token, key, caller);
  }

  /** Called with the claims that jsonwebtoken read, after it verified the signature. */
  validate(request: FastifyRequest, payload: unknown): VerifiedToken {
    const caller = callerAt(request, this.surfaceOf(request));
    const [token, key] = [tokenOf(request), this.#keys.get(request)];
    if (token === null || key === undefined) throw notVerified();
    this.#verification.agree(token, key, caller, payload);
    return caller;
  }

  onApplicationShutdown(): void {
    passport.unuse(this.name);
  }

  /** The mixin of @nestjs/passport registers every strategy as `jwt`. That registration goes to an instance that is never used. */
  getPassportInstance(): passport.Authenticator {
    return new passport.Authenticator();
  }
}

function keyFor(verification: SecondVerification, request: FastifyRequest): Promise<VerificationKey> {
  const { caller } = contextOf(request);
  return caller === undefined ? Promise.reject(notVerified()) : verification.keyOf(caller);
}

/** The caller that the edge has verified in this request. */
function callerAt(request: FastifyRequest, surface: Surface): VerifiedToken {
  const { caller } = contextOf(request);
  if (!isVerifiedToken(caller)) throw notVerified();
  if (caller.surface !== surface) throw new TesseraError('unauthorized', 'bearer: the token is of another surface');
  return caller;
}

function notVerified(): TesseraError {
  return new TesseraError('unauthorized', 'bearer: the edge has verified no token');
}

function tokenOf(request: FastifyRequest): string | null {
  const bearer = readBearer(authorizationOf(request) ?? []);
  return bearer.kind === 'token' ? bearer.token : null;
}
