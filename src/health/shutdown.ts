import { Server as NetServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { within } from '../runtime/deadline.ts';
import { RequestsInFlight } from './requests-in-flight.ts';

/** How long a client with an idle connection may still send a request that was already on its way. */
const LAST_REQUESTS_MS = 300;
/** A body may take 10 s to arrive; whoever is not answered then never will be. */
const GIVE_UP_AFTER_MS = 12_000;

/**
 * Ends the service so that nobody who was heard goes without an answer: no new connections, every answer the last of its connection, then the stores
 * are closed (`onApplicationShutdown` of their providers).
 *
 * Not left to `app.close()` alone: Node ends idle connections at once then, with requests that wait in them unread, and stops looking for slow
 * senders, who could hold the process for ever.
 */
export async function shutDown(app: NestFastifyApplication): Promise<void> {
  const server = app.getHttpServer();
  const inFlight = app.get(RequestsInFlight);
  inFlight.drain();
  // Only the listening socket; http.Server's own close would end connections too.
  NetServer.prototype.close.call(server);
  await delay(LAST_REQUESTS_MS);
  await within(GIVE_UP_AFTER_MS, inFlight.whenIdle(), () => undefined, { ref: false });
  server.closeAllConnections();
  await app.close();
}
