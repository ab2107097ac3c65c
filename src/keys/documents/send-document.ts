import type { FastifyReply, FastifyRequest } from 'fastify';
import { TesseraError } from '../../errors/tessera-error.ts';
import { parseTenantId } from '../../domain/ids.ts';
import { KEY_SET_MAX_AGE_SECONDS } from '../key-ring.ts';
import type { DocumentName, PublishedDocument, PublishedDocuments } from './published-documents.ts';

// No stale-while-revalidate: a cache that serves the set for longer keeps a revoked key alive.
const CACHE_CONTROL = `public, max-age=${KEY_SET_MAX_AGE_SECONDS}`;

/** Sends a tenant's document, or 304 if the caller has it. For an invalid id and for an unknown tenant alike, the answer is 404. */
export async function sendDocument(
  documents: PublishedDocuments,
  name: DocumentName,
  tenantId: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const document = await findDocument(documents, name, tenantId);
  void reply.header('cache-control', CACHE_CONTROL).header('etag', document.etag);
  if (isCurrent(request.headers['if-none-match'], document.etag)) void reply.code(304).send();
  else void reply.type('application/json; charset=utf-8').send(document.body);
}

async function findDocument(
  documents: PublishedDocuments,
  name: DocumentName,
  tenantId: string,
): Promise<PublishedDocument> {
  const id = parseTenantId(tenantId);
  if (id === undefined) throw new TesseraError('route_not_found', 'not a tenant id');
  try {
    return await documents.find(id, name);
  } catch (error) {
    if (error instanceof TesseraError && error.code === 'client_not_found')
      throw new TesseraError('route_not_found', error.reason, { cause: error });
    throw error;
  }
}

/** RFC 9110, section 13.1.2: weak comparison, against a list or `*`. */
export function isCurrent(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((candidate) => {
    const tag = candidate.trim();
    return tag === '*' || (tag.startsWith('W/') ? tag.slice(2) : tag) === etag;
  });
}
