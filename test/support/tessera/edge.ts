import { listen } from '../../../src/http/listen.ts';
import {
  Body,
  type CanActivate,
  Controller,
  Get,
  HttpCode,
  Inject,
  Injectable,
  Module,
  Post,
  Req,
  type Type,
  UseGuards,
} from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { VerifiedToken } from '@tessera/token/core';
import type { FastifyRequest } from 'fastify';
import type { AddressInfo } from 'node:net';
import { loadConfig } from '../../../src/config/load-config.ts';
import { TesseraError, unavailable } from '../../../src/errors/tessera-error.ts';
import { VerifiesBearerOf } from '../../../src/http/routes/bearer-guards.ts';
import { BearerAuthenticator } from '../../../src/http/routes/bearer-authenticator.ts';
import { createEdgeApp } from '../../../src/http/edge-app.ts';
import { Readiness } from '../../../src/health/readiness.ts';
import { callerOf, contextOf } from '../../../src/http/request-context.ts';
import { ROUTE_TABLE, type RouteRow } from '../../../src/http/routes/route-table.ts';
import { Log } from '../../../src/logging/log.ts';
import { type Clock, SystemClock } from '../../../src/domain/clock.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';

/** The routes of the edge itself, without those of the service's modules. */
export const EDGE_ROUTES: readonly RouteRow[] = ROUTE_TABLE.filter(({ path }) =>
  /^\/(healthz|readyz|metrics|docs)/.test(path),
);

export const PROBE_ROUTES: readonly RouteRow[] = [
  { method: 'POST', path: '/probe/token', access: 'public', kind: 'token', surface: 'user' },
  { method: 'POST', path: '/probe/token-unavailable', access: 'public', kind: 'token', surface: 'user' },
  { method: 'POST', path: '/probe/token-broken', access: 'public', kind: 'token', surface: 'user' },
  { method: 'GET', path: '/probe/unavailable', access: 'public', kind: 'api' },
  { method: 'GET', path: '/probe/broken', access: 'public', kind: 'api' },
  { method: 'GET', path: '/probe/unauthorized', access: 'public', kind: 'api' },
  { method: 'GET', path: '/probe/limited', access: 'public', kind: 'api' },
  { method: 'GET', path: '/probe/source', access: 'public', kind: 'api' },
  { method: 'GET', path: '/probe/slow', access: 'public', kind: 'api' },
  { method: 'GET', path: '/probe/items/:id', access: 'public', kind: 'api' },
  { method: 'GET', path: '/probe/who', access: 'bearer-user', kind: 'api' },
];

/** Is in the message of every unexpected error and must never leak. */
export const FAULT_CANARY = 'c4nary-in-a-foreign-error';

/** Makes the slow route wait until a test releases it. */
@Injectable()
export class Gate {
  waiting = 0;
  #open: () => void = () => undefined;
  readonly #opened = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  async pass(): Promise<void> {
    this.waiting++;
    await this.#opened;
    this.waiting--;
  }

  open(): void {
    this.#open();
  }
}

/** Stands for the second verification, because the edge does not depend on tokens. */
@VerifiesBearerOf('bearer-user')
export class UserSecondGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

@Controller('probe')
class ProbeController {
  readonly #gate: Gate;

  constructor(@Inject(Gate) gate: Gate) {
    this.#gate = gate;
  }

  @Post('token')
  @HttpCode(200)
  token(@Req() request: FastifyRequest, @Body() body: unknown) {
    const context = contextOf(request);
    context.outcome = 'issued';
    context.work = { facts: () => ({}), tokenSurface: 'user' };
    return { received: body ?? null };
  }

  @Post('token-unavailable')
  tokenUnavailable() {
    throw unavailable('control database', 'connection refused', new Error(FAULT_CANARY));
  }

  @Post('token-broken')
  tokenBroken() {
    throw new Error(`${FAULT_CANARY}\n    at ${FAULT_CANARY} (/etc/${FAULT_CANARY}:1:1)`);
  }

  @Get('unavailable')
  unavailable() {
    throw unavailable('vault', 'it is sealed or not ready', new Error(FAULT_CANARY));
  }

  @Get('broken')
  broken() {
    throw Object.assign(new Error(FAULT_CANARY), { statusCode: 404, status: 401, code: FAULT_CANARY });
  }

  @Get('unauthorized')
  unauthorized() {
    throw new TesseraError('unauthorized', 'the secret does not match');
  }

  @Get('limited')
  limited() {
    throw new TesseraError('too_many_requests', 'too many failures', { retryAfterSeconds: 17 });
  }

  @Get('source')
  source(@Req() request: FastifyRequest) {
    return { source: contextOf(request).source };
  }

  @Get('slow')
  async slow() {
    await this.#gate.pass();
    return { slow: true };
  }

  @Get('items/:id')
  item() {
    return { item: true };
  }

  @Get('who')
  @UseGuards(UserSecondGuard)
  who(@Req() request: FastifyRequest) {
    return { subject: callerOf(request).subject };
  }
}

/** Accepts one fixed bearer, because the edge does not depend on tokens. */
class OneBearer extends BearerAuthenticator {
  override authenticate([authorization, ...others]: readonly string[], surface: string): Promise<VerifiedToken> {
    if (authorization === `Bearer good-${surface}` && others.length === 0)
      return Promise.resolve({ subject: 'u-ada' } as VerifiedToken);
    return Promise.reject(new TesseraError('unauthorized', 'the bearer is not good'));
  }
}

@Module({
  controllers: [ProbeController],
  providers: [Gate, { provide: BearerAuthenticator, useClass: OneBearer }],
})
export class ProbeModule {}

@Module({})
class MoreModule {}

export interface LogLine {
  readonly event: string;
  readonly level: number;
  readonly [field: string]: unknown;
}

export interface RunningEdge {
  readonly app: NestFastifyApplication;
  readonly port: number;
  readonly url: string;
  readonly gate: Gate;
  readonly readiness: Readiness;
  /** Everything logged so far. */
  readonly lines: () => readonly LogLine[];
  /** The access line of one request. Waits until it is written, which is after the response. */
  readonly lineOf: (requestId: string | null) => Promise<LogLine>;
  readonly close: () => Promise<void>;
}

export interface EdgeUnderTest {
  readonly env?: Readonly<Record<string, string>>;
  readonly routes?: readonly RouteRow[];
  /** Besides those of the probe routes. */
  readonly controllers?: readonly Type[];
  readonly clock?: Clock;
}

/** The edge with a module of the tests, on a free port. */
export async function startEdge(options: EdgeUnderTest = {}): Promise<RunningEdge> {
  const output: string[] = [];
  const config = loadConfig({ LOG_LEVEL: 'debug', ...options.env }, { cwd: '/nonexistent' });
  const app = await createEdgeApp({
    config,
    clock: options.clock ?? new SystemClock(),
    log: new Log(config.logLevel, { write: (line) => output.push(line) }),
    routes: options.routes ?? [...EDGE_ROUTES, ...PROBE_ROUTES],
    imports: [ProbeModule, { module: MoreModule, controllers: [...(options.controllers ?? [])] }],
  });
  await listen(app, { host: '127.0.0.1', port: 0 });
  const { port } = app.getHttpServer().address() as AddressInfo;
  const lines = () => output.map((line) => JSON.parse(line) as LogLine);
  return {
    app,
    port,
    url: `http://127.0.0.1:${port}`,
    gate: app.get(Gate, { strict: false }),
    readiness: app.get(Readiness),
    lines,
    lineOf: async (requestId) => {
      const find = () => lines().find((line) => line['request_id'] === requestId);
      // The line is written after the response.
      await eventually('the line of the request', () => find() !== undefined);
      return find()!;
    },
    close: () => app.close(),
  };
}
