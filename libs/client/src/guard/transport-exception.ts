import type { ExecutionContext, HttpException } from '@nestjs/common';

type ExceptionOfTransport = new (error: object) => Error;

/**
 * Puts a refusal into the exception that Nest's filter of the transport sends to the caller: a `WsException` for WebSocket messages, an `RpcException`
 * for microservices. HTTP and GraphQL, and any other context, take the HttpException itself.
 *
 * The caller gets what `getError()` returns. `cause` and `status` are for filters and interceptors of the application. They are not enumerable, so that
 * nothing sends them along.
 */
export async function exceptionOfTransport(context: ExecutionContext, refusal: HttpException): Promise<Error> {
  const type = context.getType();
  if (type !== 'ws' && type !== 'rpc') return refusal;
  const Exception = await (type === 'ws' ? loadWsException() : loadRpcException());
  if (Exception === undefined) return refusal;
  const { title, error } = refusal.getResponse() as { readonly title: string; readonly error: string };
  const exception = new Exception({ status: 'error', message: title, error });
  return Object.defineProperties(exception, {
    cause: { value: refusal.cause, configurable: true, writable: true },
    status: { value: refusal.getStatus(), configurable: true, writable: true },
  });
}

/** @returns undefined without the package, which a transport of another maker does not need */
async function loadWsException(): Promise<ExceptionOfTransport | undefined> {
  try {
    return (await import('@nestjs/websockets')).WsException;
  } catch {
    return undefined;
  }
}

/** @returns undefined without the package */
async function loadRpcException(): Promise<ExceptionOfTransport | undefined> {
  try {
    return (await import('@nestjs/microservices')).RpcException;
  } catch {
    return undefined;
  }
}
