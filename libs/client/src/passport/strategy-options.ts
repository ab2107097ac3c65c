import { publicKeyOf } from '@tessera/token';
import { bearerOf } from '../guard/bearer.ts';
import type { TesseraVerifier } from '../tessera-verifier.ts';

/** Options of passport-jwt's `Strategy`; add `passReqToCallback` if your `validate` takes the request. */
export interface TesseraStrategyOptions {
  readonly jwtFromRequest: (request: object) => string | null;
  readonly secretOrKeyProvider: (
    request: object,
    token: string,
    done: (error: unknown, key?: string | Buffer) => void,
  ) => void;
  readonly algorithms: ('ES256' | 'RS256')[];
  readonly ignoreExpiration: true;
  readonly jsonWebTokenOptions: { readonly ignoreNotBefore: true };
}

/**
 * For applications that keep their own `JwtStrategy` on passport-jwt: only its constructor changes, and `validate` gets the claims as before.
 *
 * The verifier decides first, by all rules of Tessera; passport-jwt gets the key only of a token that the verifier accepted, and verifies it once more.
 * passport-jwt answers 401 to every error of a key provider, outages included. It does not support EdDSA, so tokens signed with EdDSA are refused.
 */
export function tesseraStrategyOptions(verifier: TesseraVerifier): TesseraStrategyOptions {
  return {
    jwtFromRequest: (request) => {
      const bearer = bearerOf(request);
      return bearer.kind === 'token' ? bearer.token : null;
    },
    // passport-jwt neither awaits a provider nor catches what it rejects with.
    secretOrKeyProvider: (_request, token, done) => {
      verifier
        .verify(token)
        .then((verified) => publicKeyOf(verifier, verified))
        .then((key) => {
          // jsonwebtoken 9 takes key objects; the types of passport-jwt are older.
          done(null, key as unknown as Buffer);
        })
        .catch((error: unknown) => {
          done(error);
        });
    },
    algorithms: ['ES256', 'RS256'],
    // The verifier has just checked the times, by its own clock and skew.
    ignoreExpiration: true,
    jsonWebTokenOptions: { ignoreNotBefore: true },
  };
}
