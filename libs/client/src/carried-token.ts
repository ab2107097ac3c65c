import type { ExecutionContext } from '@nestjs/common';
import type { VerifiedToken } from '@tessera/token';

// Registered, so that the decorators of one copy of this package find what the guard of another has verified.
const CARRIED = Symbol.for('@tessera/client/carried');
const registry = globalThis as unknown as Record<symbol, WeakMap<object, VerifiedToken> | undefined>;
const tokens = (registry[CARRIED] ??= new WeakMap());

/** Keeps the token with what lives exactly as long as the call. Nothing is written on the request, so nothing on it can pretend. */
export function carryToken(context: ExecutionContext, token: VerifiedToken): void {
  const carrier = carrierOf(context);
  if (carrier !== undefined) tokens.set(carrier, token);
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
