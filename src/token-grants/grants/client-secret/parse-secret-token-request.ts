import { Secret } from '../../../config/secret.ts';
import { TesseraError } from '../../../errors/tessera-error.ts';
import { parseEmail } from '../../../domain/email.ts';
import { parseClientId, parseProjectId, parseTenantId } from '../../../domain/ids.ts';
import type { RequestOrigin } from '../../../domain/request-origin.ts';
import type { Surface } from '../../../domain/surface.ts';
import { explainGenerateToken } from './generate-token.dto.ts';
import type { SecretTokenRequest } from '../../token-request.ts';

const MEMBERS: ReadonlySet<string> = new Set(['client_id', 'email_id', 'project_id', 'tenant_id', 'secret_id']);

/**
 * Hop 1 of generateToken. What passes is of the documented form to the letter: known members only, ids allow-listed, one ASCII address.
 *
 * @throws TesseraError invalid_request, before anything else was touched
 */
export function parseSecretTokenRequest(
  body: unknown,
  surface: Surface,
  { source, network }: RequestOrigin,
): SecretTokenRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw refused(body);
  const { client_id, email_id, project_id, tenant_id, secret_id } = body as Record<string, unknown>;
  const tenantId = parseTenantId(tenant_id);
  const projectId = parseProjectId(project_id);
  const clientId = parseClientId(client_id);
  const email = parseEmail(email_id);
  if (tenantId === undefined || projectId === undefined || clientId === undefined || email === undefined)
    throw refused(body);
  if (!Object.keys(body).every((name) => MEMBERS.has(name))) throw refused(body);
  if (typeof secret_id === 'string') {
    return { surface, source, network, tenantId, projectId, clientId, email, credential: new Secret(secret_id) };
  }
  // `"secret_id": null` is a member of the wrong type, not an absent one.
  if (secret_id !== undefined || 'secret_id' in body) throw refused(body);
  return { surface, source, network, tenantId, projectId, clientId, email, credential: undefined };
}

function refused(body: unknown): TesseraError {
  return new TesseraError('invalid_request', 'the body is not a token request', { detail: explainGenerateToken(body) });
}
