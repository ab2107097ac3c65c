import type { ExecutionContext } from '@nestjs/common';
import type { VerifiedToken } from '@tessera/token';
import { Given } from '@tessera/token/core';

/** What the guard accepted: the verified token, and the text that it was verified from. */
interface Accepted {
  readonly token: VerifiedToken;
  readonly bearer: string;
}

interface TokenStore {
  readonly put: (carrier: object, accepted: Accepted) => void;
  readonly get: (carrier: object) => Accepted | undefined;
}

/** Keeps the token in a private field of the carrier. */
class Carrier extends Given {
  #accepted: Accepted;

  private constructor(object: object, accepted: Accepted) {
    super(object);
    this.#accepted = accepted;
  }

  static readonly put = (object: object, accepted: Accepted): void => {
    if (#accepted in object) object.#accepted = accepted;
    else new Carrier(object, accepted);
  };

  static readonly get = (object: object): Accepted | undefined => (#accepted in object ? object.#accepted : undefined);
}

// A registered symbol, so that the decorators of one copy of this package find what the guard of another copy verified.
const CARRIED = Symbol.for('@tessera/client/accepted');
const registry = globalThis as unknown as Record<symbol, TokenStore | undefined>;
const tokens = (registry[CARRIED] ??= Carrier);

/** Attaches the token to an object that lives exactly as long as the call. A request cannot forge it. */
export function carryToken(context: ExecutionContext, token: VerifiedToken, bearer: string): void {
  const carrier = carrierOf(context) ?? addCarrier(context);
  if (carrier !== undefined) tokens.put(carrier, { token, bearer });
}

export function carriedToken(context: ExecutionContext): VerifiedToken | undefined {
  return accepted(context)?.token;
}

/** The token as it was sent. */
export function carriedBearer(context: ExecutionContext): string | undefined {
  return accepted(context)?.bearer;
}

function accepted(context: ExecutionContext): Accepted | undefined {
  const carrier = carrierOf(context);
  return carrier === undefined ? undefined : tokens.get(carrier);
}

/** The HTTP request of an HTTP or GraphQL call. Undefined if the `req` of a GraphQL context is something else, as in most subscriptions. */
export function requestOf(context: ExecutionContext): object | undefined {
  switch (context.getType<string>()) {
    case 'http':
      return objectOrNone(context.getArgByIndex(0));
    case 'graphql': {
      const { req } = (graphqlContextOf(context) ?? {}) as { readonly req?: unknown };
      const request = objectOrNone(req) as { readonly headers?: unknown } | undefined;
      return objectOrNone(request?.headers) === undefined ? undefined : request;
    }
    default:
      return undefined;
  }
}

/**
 * The context value of a GraphQL operation. A resolver gets (parent, arguments, context, info), but a reference resolver (reference, context, info), and
 * `__resolveType` (value, context, info, type). The caller chooses the arguments, so they must not be taken for the context.
 */
function graphqlContextOf(context: ExecutionContext): object | undefined {
  const args: readonly unknown[] = context.getArgs();
  const third = objectOrNone(args[2]);
  if (third === undefined || 'req' in third) return third;
  const isInfo = args.length === 3 || ('fieldName' in third && 'parentType' in third && 'schema' in third);
  return isInfo ? objectOrNone(args[1]) : third;
}

function carrierOf(context: ExecutionContext): object | undefined {
  switch (context.getType<string>()) {
    case 'http':
      return requestOf(context);
    case 'graphql':
      // Made for each operation. Several subscriptions share the request of their connection.
      return graphqlContextOf(context);
    case 'ws':
      // (client, data, …, pattern). The client outlives the message, and other messages of it may be handled at the same time.
      return objectOrNone(context.getArgByIndex(1)) ?? context.getArgs<unknown[]>().find(isMessageCarrier);
    default:
      // rpc: (data, context). The second argument belongs to this call only.
      return objectOrNone(context.getArgByIndex(1)) ?? objectOrNone(context.getArgByIndex(0));
  }
}

// A registered symbol, so that the decorators of one copy of this package find the carrier that the guard of another copy added.
const MESSAGE_CARRIER = Symbol.for('@tessera/client/messageCarrier');

function isMessageCarrier(argument: unknown): argument is object {
  return typeof argument === 'object' && argument !== null && MESSAGE_CARRIER in argument;
}

/**
 * The data of a WebSocket message may be a text, which can carry nothing. Then the arguments get an object that belongs to this message: Nest makes the
 * list for each message and hands it to guards and parameter decorators alike. It goes before the last one, which is the pattern.
 */
function addCarrier(context: ExecutionContext): object | undefined {
  if (context.getType() !== 'ws') return undefined;
  const args = context.getArgs<unknown[]>();
  const carrier = { [MESSAGE_CARRIER]: true };
  args.splice(Math.max(2, args.length - 1), 0, carrier);
  return carrier;
}

function objectOrNone(value: unknown): object | undefined {
  return typeof value === 'object' && value !== null ? value : undefined;
}
