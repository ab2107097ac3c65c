import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  ServiceUnavailableException,
} from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { isVerifiedToken, TokenError, type VerifiedToken } from '@tessera/token';
import { bearerOf } from '../guard/bearer.ts';
import { refusalLine } from '../guard/refusal-line.ts';
import { TesseraVerifier } from '../tessera-verifier.ts';
import {
  demandName,
  markStrategy,
  type NamedStrategy,
  refuseNameInUse,
  type StrategiesByName,
} from './passport-name.ts';

type Done = (error: unknown, user?: unknown, info?: unknown) => void;

/** The methods that passport adds to the object that it creates from the strategy for each request. */
interface PassportActions {
  readonly success: (user: unknown, info?: unknown) => void;
  readonly fail: (reason?: unknown) => void;
  readonly error: (error: unknown) => void;
}

const logger = new Logger('TesseraStrategy');

/** The strategy as passport knows it, without Nest. It never calls `pass()`, which would open a route without a user. */
class BearerStrategy implements NamedStrategy {
  readonly name: string;
  // Not #private: passport calls `authenticate` on an object that inherits from the strategy, and private names are not inherited.
  readonly verifier: TesseraVerifier;
  isServing = false;
  private readonly verified: (token: VerifiedToken, done: Done) => void;

  constructor(verifier: TesseraVerifier, name: string, verified: (token: VerifiedToken, done: Done) => void) {
    this.verifier = verifier;
    this.name = name;
    this.verified = verified;
    markStrategy(this);
    refuseNameInUse(passportOf(this), this);
  }

  authenticate(request: object): void {
    const actions = this as unknown as PassportActions;
    const { verifier } = this;
    verifyBearer(verifier, request)
      .then((token) => {
        this.verified(token, (error, user, info) => {
          if (error !== null && error !== undefined) actions.error(error);
          else if (user === undefined || user === null || user === false) actions.fail(info);
          else actions.success(user, info);
        });
      })
      // Passport does not wait for promises: a rejection that nobody handles would end the process.
      .catch((error: unknown) => {
        if (error instanceof TokenError) {
          const bearer = bearerOf(request);
          logger.debug(refusalLine(error, bearer.kind === 'token' ? bearer.token : undefined, verifier));
        }
        if (error instanceof TokenError && error.verdict === 'refused') actions.fail(error);
        else actions.error(error instanceof TokenError ? outage(request, error) : error);
      });
  }
}

/**
 * The strategy `jwt` for applications that guard their routes with `AuthGuard('jwt')`: `request.user` is the VerifiedToken. A refused token is a 401; a
 * token that cannot be verified now is a 503.
 *
 * Passport finds strategies by name in the whole process. So a second strategy with another verifier needs a name of its own: extend this class with
 * another `passportName`. Without one, the start is refused. A subclass with the hooks `onApplicationBootstrap` or `onModuleDestroy` must call those of
 * this class.
 */
@Injectable()
export class TesseraStrategy
  extends PassportStrategy(BearerStrategy)
  implements OnApplicationBootstrap, OnModuleDestroy
{
  /** What `AuthGuard()` takes to ask this strategy. */
  static readonly passportName: string = 'jwt';

  constructor(@Inject(TesseraVerifier) verifier: TesseraVerifier) {
    super(verifier, new.target.passportName);
  }

  /** @throws TypeError if another strategy has taken the name */
  onApplicationBootstrap(): void {
    demandName(passportOf(this), this);
    this.isServing = true;
  }

  onModuleDestroy(): void {
    this.isServing = false;
  }

  /** Override it to return another object as the user. Returning `false` or nothing answers 401. */
  validate(token: VerifiedToken): unknown {
    return token;
  }
}

/** The passport that `PassportStrategy` adds the strategy to. */
function passportOf(strategy: object): StrategiesByName {
  return (strategy as { getPassportInstance(): StrategiesByName }).getPassportInstance();
}

async function verifyBearer(verifier: TesseraVerifier, request: object): Promise<VerifiedToken> {
  const bearer = bearerOf(request);
  if (bearer.kind !== 'token') {
    const reason = bearer.kind === 'none' ? 'no Authorization header' : 'the header is not one bearer token';
    throw new TokenError('TOKEN_MALFORMED', reason);
  }
  const token = await verifier.verify(bearer.token);
  // The verifier can be replaced, also by a double in tests. What it returns must still have been verified.
  if (!isVerifiedToken(token)) throw new TokenError('KEYS_UNAVAILABLE', 'the verifier returned no verified token');
  return token;
}

/** The same 503 as the guard's. Express's request has a reference to its response; on Fastify, the 503 has no `Retry-After`. */
function outage(request: object, cause: TokenError): ServiceUnavailableException {
  const { res } = request as { readonly res?: { readonly setHeader?: (name: string, value: string) => unknown } };
  res?.setHeader?.('Retry-After', String(cause.retryAfterSeconds ?? 1));
  const body = { type: 'about:blank', title: 'Service Unavailable', status: 503, error: 'temporarily_unavailable' };
  const exception = new ServiceUnavailableException(body);
  // Nest's own `cause` is enumerable: a filter that sends the whole exception would send the TokenError, too.
  Object.defineProperty(exception, 'cause', { value: cause, enumerable: false, configurable: true });
  return exception;
}
