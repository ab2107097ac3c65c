import type { FastifyInstance } from 'fastify';
import { TesseraError } from '../../errors/tessera-error.ts';
import { contextOf } from '../request-context.ts';
import { parseForm } from './parse-form.ts';
import { RecentForms } from './recent-forms.ts';
import { BODY_LIMIT_BYTES, refuseOtherEncodings, takesForm } from './strict-json-body.ts';

/** Accepts forms on the routes whose row says so. Elsewhere they are an unsupported media type. */
export function acceptForms(fastify: FastifyInstance): void {
  const recent = new RecentForms();
  fastify.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
    (request, body, done) => {
      try {
        if (!takesForm(request)) throw new TesseraError('unsupported_media_type', 'unsupported media type');
        refuseOtherEncodings(request);
        const isStrict = contextOf(request).row?.body === 'strict form';
        done(null, isStrict ? recent.parse(body as Buffer) : parseForm(body as Buffer, 'absent'));
      } catch (error) {
        done(error as TesseraError);
      }
    },
  );
}
