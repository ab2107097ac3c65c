import { OperatorError } from '../errors/operator-error.ts';

const IN_USE = 'EADDRINUSE';

/** Why the server cannot listen, by Node's error code, and the fix. */
const FIXES: Readonly<Record<string, readonly [reason: string, fix: string]>> = {
  [IN_USE]: ['the port is in use', 'Stop the process that listens there, or'],
  EACCES: ['this user may not use the port', 'Choose a PORT of 1024 or more, or give the service CAP_NET_BIND_SERVICE'],
  EADDRNOTAVAIL: ['this machine has no such address', 'Correct HOST; 0.0.0.0 stands for all IPv4 addresses'],
  EAFNOSUPPORT: ['this machine has no addresses of that family', 'Correct HOST; 0.0.0.0 stands for all IPv4 addresses'],
  ENOTFOUND: ['the host name is not known', 'Correct HOST, or write an IP address'],
  EAI_AGAIN: ['the host name cannot be looked up now', 'Check the name server, or write an IP address as HOST'],
};

/**
 * Explains in one sentence why the server cannot listen.
 *
 * @param freePort how to choose another port; the default is the advice for the server
 * @returns the error itself if it is about something else
 */
export function listenFailure(
  error: unknown,
  { host, port }: { readonly host: string; readonly port: number },
  freePort = 'choose another PORT',
): unknown {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  const known = typeof code === 'string' && Object.hasOwn(FIXES, code) ? FIXES[code] : undefined;
  if (known === undefined) return error;
  const [reason, knownFix] = known;
  const fix = code === IN_USE ? `${knownFix} ${freePort}` : knownFix;
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new OperatorError(`The server cannot listen on ${address}: ${reason}. ${fix}.`, { cause: error });
}
