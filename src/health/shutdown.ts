import { Server as NetServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { within } from '../runtime/deadline.ts';
import { RequestsInFlight } from './requests-in-flight.ts';

/** How long a client with an idle connection may still send a request that was already on its way. */
const LAST_REQUESTS_MS = 300;
/** A body may take 10 s to arrive. A request still unanswered after this time never will be answered. */
const GIVE_UP_AFTER_MS = 12_000;

/**
 * Shuts down so that every received request is answered: stop accepting connections, close each connection after its response, then close the stores
 * (`onApplicationShutdown` of their providers).
 *
 * `app.close()` alone is not enough. Node would close idle connections at once, although unread requests may wait in them, and would stop enforcing
 * timeouts on slow senders, who could then keep the process alive forever.
 */
export async function shutDown(app: NestFastifyApplication): Promise<void> {
  const server = app.getHttpServer();
  const inFlight = app.get(RequestsInFlight);
  inFlight.drain();
  // Closes only the listening socket; http.Server's own `close` would close connections too.
  NetServer.prototype.close.call(server);
  await delay(LAST_REQUESTS_MS);
  await within(GIVE_UP_AFTER_MS, inFlight.whenIdle(), () => undefined, { ref: false });
  server.closeAllConnections();
  await app.close();
}
