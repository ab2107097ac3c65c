import { isUtf8 } from 'node:buffer';
import { parseStrictJson, StrictJsonError, type StrictJsonFault } from '@tessera/token/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { TesseraError } from '../../errors/tessera-error.ts';
import { contextOf } from '../request-context.ts';

/** The documented limit. */
export const BODY_LIMIT_BYTES = 64 * 1024;
/** The documented bodies are flat. Eight is also the limit for tokens. */
const MAX_DEPTH = 8;

const BYTE_ORDER_MARK = 0xfeff;

/** Public texts for the parser's reasons. */
const SENTENCES: Readonly<Record<StrictJsonFault, string>> = {
  syntax: 'The body is not valid JSON.',
  'too long': 'The body is too long.',
  'duplicate member name': 'The body has a member name twice.',
  'nested too deeply': `The body is nested more than ${MAX_DEPTH} levels deep.`,
  'number out of range': 'The body has a number that is out of range.',
  'member name __proto__': 'The body has a member named __proto__.',
};

/**
 * Accepts only JSON in UTF-8 as a body, except where the row of the route says `form` (RFC 8259, section 8.1: no other encoding, no byte order mark).
 */
export function acceptStrictJsonOnly(fastify: FastifyInstance): void {
  // Fastify's text/plain parser would answer 400 instead of 415, and its JSON parser keeps the last of two equal names.
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
    (request, body, done) => {
      try {
        if (takesForm(request))
          throw new TesseraError('unsupported_media_type', 'JSON where a form is wanted', {
            detail: 'The request body must be application/x-www-form-urlencoded.',
          });
        refuseOtherEncodings(request);
        done(null, parseBody(body as Buffer));
      } catch (error) {
        done(error as TesseraError);
      }
    },
  );
}

/** Whether the row of the request's route says that its body is a form. */
export function takesForm(request: FastifyRequest): boolean {
  return contextOf(request).row?.body !== undefined;
}

/** @throws TesseraError unsupported_media_type for another charset or a content encoding */
export function refuseOtherEncodings(request: FastifyRequest): void {
  const contentType = request.headers['content-type'] ?? '';
  const charset =
    contentType === 'application/json' ? undefined : /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType)?.[1];
  if (charset !== undefined && charset.toLowerCase() !== 'utf-8')
    throw new TesseraError('unsupported_media_type', 'other charset');
  const coding = request.headers['content-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'identity')
    throw new TesseraError('unsupported_media_type', 'encoded body');
}

/** @throws TesseraError invalid_request */
export function parseBody(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw refused('the body is not UTF-8', 'The body is not UTF-8.');
  const text = bytes.toString('utf8');
  if (text.charCodeAt(0) === BYTE_ORDER_MARK)
    throw refused('the body starts with a byte order mark', 'The body starts with a byte order mark.');
  try {
    return parseStrictJson(text, { maxDepth: MAX_DEPTH });
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error;
    // The parser's reasons are fixed phrases.
    const sentence = bytes.length === 0 ? 'The body is empty.' : SENTENCES[error.reason];
    throw refused(`body: ${error.reason}`, sentence);
  }
}

function refused(reason: string, detail: string): TesseraError {
  return new TesseraError('invalid_request', reason, { detail });
}
