import { MANAGEMENT_AUDIENCE } from '../../domain/audience.ts';
import type { FormParameters } from '../../domain/text/form-text.ts';
import { TesseraError } from '../../errors/tessera-error.ts';
import type { Client } from '../../tenancy/tenant.ts';

/**
 * The service that the token is for: one value of `audience` or `resource`.
 *
 * @returns undefined if the request names none
 * @throws TesseraError invalid_request for both, invalid_target for a `resource` that is no absolute URI (RFC 8707, section 2)
 */
export function parseTarget(parameters: FormParameters): string | undefined {
  const [audience, resource] = [parameters.get('audience'), parameters.get('resource')];
  if (audience !== undefined && resource !== undefined)
    throw new TesseraError('invalid_request', 'an audience and a resource', {
      detail: 'audience and resource are both there. A token has one audience: send one of the two.',
    });
  if (resource !== undefined && !isAbsoluteUri(resource))
    throw new TesseraError('invalid_target', 'the resource is no absolute URI', {
      detail: 'resource must be an absolute URI without a fragment.',
    });
  return audience ?? resource;
}

// RFC 3986, sections 3.1 and 4.3. It is only compared.
const ABSOLUTE_URI = /^[a-z][a-z0-9+.-]*:[!$&-;=?-Z_a-z~%[\]@]+$/i;

function isAbsoluteUri(text: string): boolean {
  return ABSOLUTE_URI.test(text) && URL.canParse(text);
}

/**
 * The audience of a token that the client requests for itself or by an assertion: one of its own.
 *
 * @throws TesseraError invalid_target
 */
export function ownAudience(client: Client, target: string | undefined): string {
  const audience = target ?? client.audience;
  if (audience !== client.audience && !client.audiences.includes(audience))
    throw new TesseraError('invalid_target', 'the audience is not one of the client');
  refuseManagement(audience);
  return audience;
}

/** @throws TesseraError invalid_target, whatever the configuration says */
export function refuseManagement(audience: string): void {
  if (audience === MANAGEMENT_AUDIENCE)
    throw new TesseraError('invalid_target', 'the token endpoint issues no tokens for the management API');
}
