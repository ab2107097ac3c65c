import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiProperty, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TesseraError } from '../errors/tessera-error.ts';
import { Metrics } from '../metrics/metrics.ts';
import { ApiProblems } from '../http/problems/api-problems.ts';
import { Readiness } from './readiness.ts';
import { RequestsInFlight } from './requests-in-flight.ts';
import { sendProblem } from '../http/problems/send-problem.ts';

export class ProbeAnswer {
  @ApiProperty({ type: String, example: 'ok' })
  readonly status: string = 'ok';
}

const OK = new ProbeAnswer();

@ApiTags('Operation')
@Controller()
export class ProbesController {
  readonly #readiness: Readiness;
  readonly #inFlight: RequestsInFlight;
  readonly #metrics: Metrics;

  constructor(
    @Inject(Readiness) readiness: Readiness,
    @Inject(RequestsInFlight) inFlight: RequestsInFlight,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.#readiness = readiness;
    this.#inFlight = inFlight;
    this.#metrics = metrics;
  }

  @Get('healthz')
  @ApiOperation({
    summary: 'The process runs',
    description: 'Checks no dependency: restarting this service would not repair one.',
  })
  @ApiOkResponse({ type: ProbeAnswer })
  health(): ProbeAnswer {
    return OK;
  }

  @Get('readyz')
  @ApiOperation({
    summary: 'The service can make tokens',
    description:
      'A tenant’s own database does not count: the other tenants are still served. `down` names the dependencies that do not answer or accept no writes.',
  })
  @ApiOkResponse({ type: ProbeAnswer })
  @ApiProblems('temporarily_unavailable')
  async ready(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    // 503 while the last requests are answered, so that load balancers send no new ones.
    const down = this.#inFlight.draining ? ['shutting down'] : await this.#readiness.down();
    if (down.length === 0) {
      await reply.send(OK);
      return;
    }
    sendProblem(
      new TesseraError('temporarily_unavailable', `${down.join(', ')}: not ready`, { retryAfterSeconds: 1 }),
      request,
      reply,
      { down },
    );
  }

  @Get('metrics')
  @ApiOperation({
    summary: 'Prometheus metrics',
    description: 'For loopback and the networks of TESSERA_METRICS_NETWORKS.',
  })
  @ApiProduces('text/plain')
  @ApiOkResponse({ schema: { type: 'string' } })
  @ApiProblems('forbidden')
  async metrics(@Res() reply: FastifyReply): Promise<void> {
    await reply.type(this.#metrics.contentType).send(await this.#metrics.expose());
  }
}
