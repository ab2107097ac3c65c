import { isUtf8 } from 'node:buffer';
import { Secret } from '../config/secret.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { decodeFormText, type FormParameters } from '../domain/form-text.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { type ClientId, parseClientId, parseProjectId, type ProjectId } from '../domain/ids.ts';

/** The client's name in a request: `project/client`, or only `client` if the tenant has one client with that id. */
export interface ClaimedClient {
  readonly projectId: ProjectId | undefined;
  readonly clientId: ClientId;
}

export interface PresentedCredentials {
  readonly claimed: ClaimedClient;
  readonly credential: Secret;
}

// RFC 7617, section 2: one scheme, base64 with its padding. The scheme is case-insensitive.
const BASIC = /^basic +([a-z0-9+/]+={0,2})$/i;

/**
 * The client's name and secret from the header or the form (RFC 6749, section 2.3.1), never from both.
 *
 * @throws TesseraError invalid_request for both at once, unauthorized for missing or malformed credentials
 */
export function readClientCredentials(
  authorization: readonly string[] | undefined,
  form: FormParameters,
): PresentedCredentials {
  const id = form.get('client_id');
  const secret = form.get('client_secret');
  if (authorization === undefined) return fromForm(id, secret);
  // RFC 6749, section 2.3: at most one method. A `client_id` without a secret is not a method, and may repeat the header's client.
  if (secret !== undefined)
    throw new TesseraError('invalid_request', 'a secret in the header and in the form', {
      detail: 'The client authenticates both in the Authorization header and in the form. Use one of the two.',
    });
  const presented = fromHeader(authorization);
  if (id !== undefined && !isSame(parseClaimed(id), presented.claimed))
    throw new TesseraError('invalid_request', 'one client in the header and another in the form', {
      detail: 'client_id names another client than the Authorization header.',
    });
  return presented;
}

function fromForm(id: string | undefined, secret: string | undefined): PresentedCredentials {
  if (id === undefined || secret === undefined) throw refused('client: there are no credentials');
  return { claimed: claimedOf(id), credential: new Secret(secret) };
}

function fromHeader([header, ...others]: readonly string[]): PresentedCredentials {
  const encoded = others.length === 0 ? BASIC.exec(header ?? '')?.[1] : undefined;
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (encoded === undefined || bytes.toString('base64') !== encoded || !isUtf8(bytes))
    throw refused('client: not one Basic header');
  const text = bytes.toString('utf8');
  const colon = text.indexOf(':');
  const id = decodeFormText(text.slice(0, Math.max(colon, 0)));
  const secret = decodeFormText(text.slice(colon + 1));
  if (colon === -1 || id === undefined || secret === undefined) throw refused('client: not an id and a secret');
  return { claimed: claimedOf(id), credential: new Secret(secret) };
}

function claimedOf(id: string): ClaimedClient {
  const claimed = parseClaimed(id);
  if (claimed === undefined) throw refused('client: not the id of a client');
  return claimed;
}

function parseClaimed(text: string): ClaimedClient | undefined {
  const [first, second, ...rest] = text.split('/');
  const clientId = parseClientId(second ?? first);
  const projectId = second === undefined ? undefined : parseProjectId(first);
  if (clientId === undefined || rest.length > 0 || (second !== undefined && projectId === undefined)) return undefined;
  return { projectId, clientId };
}

function isSame(one: ClaimedClient | undefined, other: ClaimedClient): boolean {
  return one !== undefined && one.projectId === other.projectId && one.clientId === other.clientId;
}

/**
 * Finds the project of a client that named none.
 *
 * @throws TesseraError client_not_found if the tenant has no such client, or several
 */
export function projectOf(tenant: Tenant, { projectId, clientId }: ClaimedClient): ProjectId {
  if (projectId !== undefined) return projectId;
  const [first, ...others] = [...tenant.projects.values()].filter(({ clients }) => clients.has(clientId));
  if (first === undefined) throw new TesseraError('client_not_found', 'unknown project or client');
  if (others.length > 0)
    throw new TesseraError('client_not_found', 'several projects have a client of that id: name the project');
  return first.id;
}

function refused(reason: string): TesseraError {
  return new TesseraError('unauthorized', reason);
}
