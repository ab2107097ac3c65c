import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/**
 * Connections that wait until the process accepts them. Node's default of 511 is fewer than a fleet opens at once after a restart, and the kernel drops
 * or resets the others. It reduces this number to its own limit (`net.core.somaxconn`, 4096 on Linux).
 */
const BACKLOG = 4096;

/** Starts to accept connections. The server and every test that speaks HTTP use this one function. */
export async function listen(
  app: NestFastifyApplication,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  await app.listen({ host, port, backlog: BACKLOG });
}
