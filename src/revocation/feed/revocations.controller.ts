import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiProblems } from '../../http/problems/api-problems.ts';
import { MAX_TENANTS_LENGTH, MAX_WAIT_SECONDS, parseFeedQuery } from './feed-query.ts';
import { RevocationPoller } from '../revocation-poller.ts';
import { RevocationWaiters } from './revocation-waiters.ts';

const TENANTS_PATTERN = '^[a-z0-9][a-z0-9_-]{0,63}(,[a-z0-9][a-z0-9_-]{0,63})*$';

const ENTRY_SCHEMA = {
  type: 'object',
  required: ['seq', 'iss', 'kind', 'id', 'until'],
  properties: {
    seq: { type: 'integer', example: 42 },
    iss: { type: 'string', description: 'The tenant’s issuer.' },
    kind: { type: 'string', enum: ['token', 'subject', 'client', 'key', 'tenant'] },
    id: { type: 'string', description: 'jti, sub, client_id, kid, or `*`.' },
    before: { type: 'integer', description: 'Hits tokens with `iat` up to it, epoch seconds; absent: all.' },
    until: { type: 'integer', description: 'Of no use after it, epoch seconds.' },
    replaces: { type: 'integer', description: 'How many earlier entries of the client it stands for; absent: none.' },
  },
  additionalProperties: false,
};

const FEED_SCHEMA = {
  type: 'object',
  required: ['sequence', 'entries', 'more'],
  properties: {
    sequence: { type: 'integer', description: 'Ask from here next.', example: 42 },
    entries: { type: 'array', items: ENTRY_SCHEMA },
    more: { type: 'boolean', description: 'Ask again at once: this was not all.' },
    reset: { type: 'boolean', description: 'Drop what you know and take this.' },
  },
  additionalProperties: false,
};

/** The feed that verifiers follow. */
@ApiTags('Verification')
@Controller()
export class RevocationsController {
  readonly #follower: RevocationPoller;
  readonly #waiters: RevocationWaiters;

  constructor(
    @Inject(RevocationPoller) follower: RevocationPoller,
    @Inject(RevocationWaiters) waiters: RevocationWaiters,
  ) {
    this.#follower = follower;
    this.#waiters = waiters;
  }

  @Get('revocations')
  @ApiOperation({
    summary: 'What was revoked, as a feed to follow',
    description: 'Answers at once when something is newer than `after`, else when something is or `wait` is over.',
  })
  @ApiQuery({
    name: 'after',
    required: false,
    description: '`sequence` of the last answer; 0 for the first.',
    schema: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 },
  })
  @ApiQuery({
    name: 'wait',
    required: false,
    description: 'Seconds to wait for news.',
    schema: { type: 'integer', minimum: 0, maximum: MAX_WAIT_SECONDS, default: 0 },
  })
  @ApiQuery({
    name: 'tenants',
    required: false,
    description: 'Ids of tenants, separated by commas: 500 at most; only their entries. Absent: those of all.',
    schema: { type: 'string', maxLength: MAX_TENANTS_LENGTH, pattern: TENANTS_PATTERN, example: 'acme,globex' },
  })
  @ApiOkResponse({ description: 'What is newer.', schema: FEED_SCHEMA })
  @ApiProblems('invalid_request', 'temporarily_unavailable')
  async feed(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { after, waitSeconds, tenants } = parseFeedQuery(request.query);
    if (waitSeconds > 0 && !this.#follower.hasNews(after, tenants))
      await this.#waiters.wait(waitSeconds * 1000, reply.raw, tenants);
    if (reply.raw.destroyed) return;
    void reply.type('application/json; charset=utf-8').send(this.#follower.page(after, tenants));
  }
}
