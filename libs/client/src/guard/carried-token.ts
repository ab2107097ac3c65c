import type { ExecutionContext } from '@nestjs/common';
import type { VerifiedToken } from '@tessera/token';

interface TokenStore {
  readonly put: (carrier: object, token: VerifiedToken) => void;
  readonly get: (carrier: object) => VerifiedToken | undefined;
}

/** Gives the fields of the class that extends it to an object that exists. */
const Given = function (object: object): object {
  return object;
} as unknown as new (object: object) => object;

/**
 * The token as a private field of the carrier: nobody else can write it, no copy takes it along. A WeakMap would do the same, but V8 promotes what its
 * entries hold at each collection of young objects, which made those five times as long under load.
 */
class Carrier extends Given {
  #token: VerifiedToken;

  private constructor(object: object, token: VerifiedToken) {
    super(object);
    this.#token = token;
  }

  static readonly put = (object: object, token: VerifiedToken): void => {
    if (#token in object) object.#token = token;
    else new Carrier(object, token);
  };

  static readonly get = (object: object): VerifiedToken | undefined => (#token in object ? object.#token : undefined);
}

// Registered, so that the decorators of one copy of this package find what the guard of another has verified.
const CARRIED = Symbol.for('@tessera/client/carried');
const registry = globalThis as unknown as Record<symbol, TokenStore | undefined>;
const tokens = (registry[CARRIED] ??= Carrier);

/** Keeps the token with what lives exactly as long as the call. Nothing that a request could bring can pretend to be it. */
export function carryToken(context: ExecutionContext, token: VerifiedToken): void {
  const carrier = carrierOf(context);
  if (carrier !== undefined) tokens.put(carrier, token);
}

export function carriedToken(context: ExecutionContext): VerifiedToken | undefined {
  const carrier = carrierOf(context);
  return carrier === undefined ? undefined : tokens.get(carrier);
}

/** The HTTP request behind HTTP and GraphQL calls. */
export function requestOf(context: ExecutionContext): object | undefined {
  switch (context.getType<string>()) {
    case 'http':
      return objectOrNone(context.getArgByIndex(0));
    case 'graphql': {
      const graphql: unknown = context.getArgByIndex(2);
      return typeof graphql === 'object' && graphql !== null && 'req' in graphql
        ? objectOrNone(graphql.req)
        : undefined;
    }
    default:
      return undefined;
  }
}

function carrierOf(context: ExecutionContext): object | undefined {
  const request = requestOf(context);
  if (request !== undefined) return request;
  // rpc: (data, context); ws: (client, data), where the client outlives the call. What belongs to the call alone comes second.
  return objectOrNone(context.getArgByIndex(1)) ?? objectOrNone(context.getArgByIndex(0));
}

function objectOrNone(value: unknown): object | undefined {
  return typeof value === 'object' && value !== null ? value : undefined;
}
