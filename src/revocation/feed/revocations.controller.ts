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
    kind: { type: 'string', enum: ['token', 'subject', 'client', 'key', 'tenant', 'chain'] },
    id: { type: 'string', description: 'jti, sub, client_id, kid, `*`, or the jti of the first token of a chain.' },
    before: { type: 'integer', description: 'Revokes tokens with `iat` up to this time, epoch seconds; absent: all.' },
    until: { type: 'integer', description: 'The entry may be dropped after this time, epoch seconds.' },
    replaces: {
      type: 'integer',
      description: 'The number of earlier entries of the client that this one replaces; absent: none.',
    },
  },
  additionalProperties: false,
};

const FEED_SCHEMA = {
  type: 'object',
  required: ['sequence', 'entries', 'more'],
  properties: {
    sequence: { type: 'integer', description: 'Send this as `after` in the next request.', example: 42 },
    entries: { type: 'array', items: ENTRY_SCHEMA },
    more: { type: 'boolean', description: 'There are more entries: send the next request at once.' },
    reset: { type: 'boolean', description: 'Discard all known entries and start from this answer.' },
  },
  additionalProperties: false,
};

/** The revocation feed, which verifiers poll. */
@ApiTags('Verification')
@Controller()
export class RevocationsController {
  readonly #poller: RevocationPoller;
  readonly #waiters: RevocationWaiters;

  constructor(
    @Inject(RevocationPoller) poller: RevocationPoller,
    @Inject(RevocationWaiters) waiters: RevocationWaiters,
  ) {
    this.#poller = poller;
    this.#waiters = waiters;
  }

  @Get('revocations')
  @ApiOperation({
    summary: 'Revocations, as a feed for polling',
    description: 'Answers at once if there are entries after `after`; otherwise when there is one or `wait` is over.',
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
    description:
      'Ids of at most 500 tenants, separated by commas: only their entries are returned. Absent: entries of all tenants.',
    schema: { type: 'string', maxLength: MAX_TENANTS_LENGTH, pattern: TENANTS_PATTERN, example: 'acme' },
  })
  @ApiOkResponse({ description: 'The entries after `after`.', schema: FEED_SCHEMA })
  @ApiProblems('invalid_request', 'temporarily_unavailable')
  async feed(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { after, waitSeconds, tenants } = parseFeedQuery(request.query);
    if (waitSeconds > 0 && !this.#poller.hasNews(after, tenants))
      await this.#waiters.wait(waitSeconds * 1000, reply.raw, tenants);
    if (reply.raw.destroyed) return;
    void reply.type('application/json; charset=utf-8').send(this.#poller.page(after, tenants));
  }
}
