import type { INestMicroservice } from '@nestjs/common';
import { type ClientProxy, ClientProxyFactory, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createServer } from 'node:net';
import { firstValueFrom } from 'rxjs';
import { type ApplicationParts, compileApplication, createFastifyApplication, listen } from './application.ts';

/** What a call over TCP gave: the handler's result, or the error as the caller gets it. */
export type RpcAnswer = { readonly result: unknown } | { readonly error: unknown };

interface MicroserviceCalls {
  readonly send: (pattern: string, data: unknown) => Promise<RpcAnswer>;
  readonly close: () => Promise<void>;
}

export interface MicroserviceApplication extends MicroserviceCalls {
  readonly app: INestMicroservice;
}

export interface HybridApplication extends MicroserviceCalls {
  readonly app: NestFastifyApplication;
  /** Of HTTP. */
  readonly port: number;
}

/** A microservice over TCP and a client of it. */
export async function startMicroservice(parts: ApplicationParts): Promise<MicroserviceApplication> {
  const options = await tcpOptions();
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest declares the options as a class, but takes any object
  const app = (await compileApplication(parts)).createNestMicroservice<MicroserviceOptions>(options);
  app.useLogger(false);
  await closingOnFailure(app, () => app.listen());
  return { app, ...callsTo(options, app) };
}

/** An application with HTTP on Fastify, to which a microservice over TCP is connected. */
export async function startHybrid(parts: ApplicationParts, inheritAppConfig = true): Promise<HybridApplication> {
  const options = await tcpOptions();
  const app = await createFastifyApplication(parts);
  app.connectMicroservice<MicroserviceOptions>(options, { inheritAppConfig });
  await closingOnFailure(app, () => app.startAllMicroservices());
  return { app, port: await listen(app), ...callsTo(options, app) };
}

interface TcpOptions {
  readonly transport: Transport.TCP;
  readonly options: { readonly host: string; readonly port: number };
}

/** Nest reports no port that the system chose, so a free one is found first. */
async function tcpOptions(): Promise<TcpOptions> {
  const port = await new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address() as { readonly port: number };
      server.close(() => {
        resolve(address.port);
      });
    });
  });
  return { transport: Transport.TCP, options: { host: '127.0.0.1', port } };
}

async function closingOnFailure(app: { close(): Promise<void> }, start: () => Promise<unknown>): Promise<void> {
  try {
    await start();
  } catch (error) {
    await app.close();
    throw error;
  }
}

function callsTo(options: TcpOptions, app: { close(): Promise<void> }): MicroserviceCalls {
  const client: ClientProxy = ClientProxyFactory.create(options);
  return {
    send: (pattern, data) =>
      firstValueFrom(client.send<unknown>(pattern, data)).then(
        (result) => ({ result }),
        (error: unknown) => ({ error }),
      ),
    close: async () => {
      await client.close();
      await app.close();
    },
  };
}
