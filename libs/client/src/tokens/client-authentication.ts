import { signClientAssertion } from './client-assertion.ts';
import type { SigningKey } from './private-key.ts';
import type { ClientReference } from './token-provider-options.ts';
import { TokenRequestError } from './token-request-error.ts';

/** How the client authenticates at the token endpoint: in a header, or by parameters of the form. */
export interface ClientAuthentication {
  readonly authorization?: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The credential of the module's options, checked. */
export type Credential =
  | { readonly kind: 'secret'; readonly read: (client: ClientReference) => unknown }
  | { readonly kind: 'key'; readonly key: SigningKey; readonly issuerOf: (tenantId: string) => string }
  | { readonly kind: 'assertion'; readonly read: (client: ClientReference) => unknown };

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/**
 * Made anew for each try: a secret may have been rotated, and an assertion is accepted once.
 *
 * @throws TokenRequestError `secret_unavailable`, `assertion_unavailable`
 */
export async function authenticate(
  { url, tenantId, projectId, clientId: id }: ClientReference,
  credential: Credential,
  nowMs: number,
): Promise<ClientAuthentication> {
  const client: ClientReference = { url, tenantId, projectId, clientId: id };
  const clientId = `${projectId}/${id}`;
  switch (credential.kind) {
    case 'secret': {
      const secret = await read(credential.read, client, 'secret_unavailable');
      // RFC 6749, section 2.3.1: both parts are form-encoded first, so that a colon in them cannot move the border.
      const pair = `${formEncoded(clientId)}:${formEncoded(secret)}`;
      return { authorization: `Basic ${Buffer.from(pair).toString('base64')}`, parameters: {} };
    }
    case 'key': {
      const issuer = credential.issuerOf(tenantId);
      return asserted(clientId, signClientAssertion(credential.key, clientId, issuer, nowMs));
    }
    case 'assertion':
      return asserted(clientId, await read(credential.read, client, 'assertion_unavailable'));
  }
}

/** RFC 7521, section 4.2. The assertion of a workload does not name the client, so `client_id` does. */
function asserted(clientId: string, assertion: string): ClientAuthentication {
  return {
    parameters: { client_id: clientId, client_assertion_type: JWT_BEARER, client_assertion: assertion },
  };
}

async function read(
  source: (client: ClientReference) => unknown,
  client: ClientReference,
  code: 'secret_unavailable' | 'assertion_unavailable',
): Promise<string> {
  let value: unknown;
  try {
    value = await source(client);
  } catch {
    // The thrown error is dropped: it may contain the secret.
    throw new TokenRequestError(code);
  }
  if (typeof value !== 'string' || value === '') throw new TokenRequestError(code);
  return value;
}

function formEncoded(text: string): string {
  return new URLSearchParams({ x: text }).toString().slice('x='.length);
}
