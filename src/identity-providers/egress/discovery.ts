import type { Deadline } from '../../runtime/deadline.ts';
import type { Egress } from './egress.ts';

export type Discovered =
  | { readonly jwksUri: string; readonly refusal?: undefined }
  /** A fixed phrase. */
  | { readonly jwksUri?: undefined; readonly refusal: string };

/** The URL of an issuer's metadata (OpenID Connect Discovery 1.0, section 4). A path that ends with a slash does not get a second one. */
export function discoveryUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
}

/** Asks an issuer where its keys are. */
export async function discoverJwksUri(egress: Egress, issuer: string, deadline: Deadline): Promise<Discovered> {
  const answer = await egress.fetchJson(discoveryUrl(issuer), deadline);
  if (answer.kind === 'failed') return { refusal: `discovery: ${answer.reason}` };
  return readDiscovery(egress, issuer, answer.value);
}

function readDiscovery(egress: Egress, issuer: string, document: unknown): Discovered {
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    return { refusal: 'discovery: not a metadata document' };
  const { issuer: named, jwks_uri: jwksUri } = document as Readonly<Record<string, unknown>>;
  // OpenID Connect Discovery 1.0, section 4.3: must be exactly equal, or one issuer could answer for another.
  if (named !== issuer) return { refusal: 'discovery: it names another issuer' };
  if (typeof jwksUri !== 'string') return { refusal: 'discovery: it names no keys' };
  if (!egress.mayFetch(jwksUri)) return { refusal: 'discovery: the URL of its keys may not be fetched' };
  // Someone who can write one document at an issuer must not be able to redirect us to keys at another host. A trusted issuer with keys elsewhere is
  // configured with `jwks_uri`.
  if (new URL(jwksUri).origin !== new URL(issuer).origin)
    return { refusal: 'discovery: its keys are at another host, which the trust must name as jwks_uri' };
  return { jwksUri };
}
