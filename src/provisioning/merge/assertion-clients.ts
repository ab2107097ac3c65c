import type { TokenEndpointSpec } from '../file/tenants-file.ts';

/** Whether the client has something to authenticate with that is not a secret (RFC 7523). */
export function authenticatesByAssertion({
  keys,
  jwksUri,
  workload,
}: Pick<TokenEndpointSpec, 'keys' | 'jwksUri' | 'workload'>): boolean {
  return keys.length > 0 || jwksUri !== undefined || workload !== undefined;
}
