import { isUtf8 } from 'node:buffer';
import { parseStrictJson, StrictJsonError } from '@tessera/token/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { TesseraError } from '../../errors/tessera-error.ts';
import { contextOf } from '../request-context.ts';

/** The contract's limit. */
export const BODY_LIMIT_BYTES = 64 * 1024;
/** Bodies of the contract are flat; eight is the bound that tokens have. */
const MAX_DEPTH = 8;

const BYTE_ORDER_MARK = 0xfeff;

/** JSON in UTF-8 is the only body that the service takes where no row of the route table says `form` (RFC 8259, section 8.1: no other encoding, no byte order mark). */
export function acceptStrictJsonOnly(fastify: FastifyInstance): void {
  // Fastify's own text/plain parser would make a 400 of what must be a 415, and its JSON parser keeps the last of two equal names.
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
    (request, body, done) => {
      try {
        if (takesForm(request)) throw new TesseraError('unsupported_media_type', 'JSON where a form is wanted');
        refuseOtherEncodings(request);
        done(null, parseBody(body as Buffer));
      } catch (error) {
        done(error as TesseraError);
      }
    },
  );
}

/** What the row of the request's route says. */
export function takesForm(request: FastifyRequest): boolean {
  return contextOf(request).row?.body === 'form';
}

/** @throws TesseraError unsupported_media_type for anything but plain UTF-8 */
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
  if (!isUtf8(bytes)) throw new TesseraError('invalid_request', 'the body is not UTF-8');
  const text = bytes.toString('utf8');
  if (text.charCodeAt(0) === BYTE_ORDER_MARK)
    throw new TesseraError('invalid_request', 'the body starts with a byte order mark');
  try {
    return parseStrictJson(text, { maxDepth: MAX_DEPTH });
  } catch (error) {
    // Its reasons are fixed phrases.
    throw new TesseraError(
      'invalid_request',
      error instanceof StrictJsonError ? `body: ${error.reason}` : 'the body is not JSON',
    );
  }
}
