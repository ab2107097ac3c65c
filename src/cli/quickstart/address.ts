import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../../config/config.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { listenFailure } from '../../http/listen-failure.ts';

const READY_WITHIN_MS = 30_000;
const ANSWER_WITHIN_MS = 5_000;
/** What `localhost` stands for, whatever the name server says: browsers and curl know both by heart, and try ::1 first. */
const LOCALHOST = ['::1', '127.0.0.1'];

/**
 * Checks that nobody listens on the port yet: neither where this server is going to listen, nor at another address of `localhost`, where the printed
 * request, with its secret, would reach another program.
 */
export async function assertPortIsFree({ host, port, publicUrl }: Config): Promise<void> {
  if (port === 0) throw new OperatorError('The quickstart prints an address: set PORT to a fixed port.');
  await assertFreeAt(host, port);
  if (new URL(publicUrl).hostname !== 'localhost') return;
  for (const address of LOCALHOST)
    await assertFreeAt(address, port).catch((error: unknown) => {
      if (isInUse(error)) throw error;
      // This machine has no such address, so nobody listens there.
    });
}

async function assertFreeAt(host: string, port: number): Promise<void> {
  const server = createServer();
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw listenFailure(error, { host, port }, `choose another port, for example PORT=${port + 1} npm run quickstart`);
  }
  server.close();
  await once(server, 'close');
}

function isInUse(error: unknown): boolean {
  return (
    error instanceof OperatorError && (error.cause as { readonly code?: unknown } | undefined)?.code === 'EADDRINUSE'
  );
}

export async function waitUntilReady(config: Config): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (performance.now() < deadline) {
    const answer = await fetch(`${directAddress(config)}/readyz`).catch(() => undefined);
    if (answer?.ok === true) return;
    await delay(50);
  }
  throw new OperatorError('The server did not become ready: look at its log above.');
}

/**
 * Whether PUBLIC_URL leads to this server: the keys of the tenant are the same there.
 *
 * @returns false if nobody answers there, which may be so only on this machine
 * @throws OperatorError if another server answers: it would get the secret of the printed request, and its keys verify no token of this server
 */
export async function isReachedAtPublicUrl(config: Config, tenantId: string): Promise<boolean> {
  const path = `/tenants/${tenantId}/jwks.json`;
  const [own, there] = await Promise.all([
    fetch(`${directAddress(config)}${path}`).then((answer) => answer.text()),
    fetch(`${config.publicUrl}${path}`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
      .then((answer) => answer.text())
      .catch(() => undefined),
  ]);
  if (there === undefined) return false;
  if (there === own) return true;
  throw new OperatorError(
    `Another server answers at PUBLIC_URL (${config.publicUrl}). Set PUBLIC_URL to an address of this server, or unset it.`,
  );
}

/** Where this process reaches the server, past name servers and proxies. */
function directAddress({ host, port }: Config): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
