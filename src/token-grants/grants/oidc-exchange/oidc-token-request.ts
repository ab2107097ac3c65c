import type { TokenRequest } from '../../token-request.ts';
import type { PresentedToken } from '../../../domain/presented-token.ts';

/** A request of oidcToken: a client shows a token of ours for itself and a foreign one for the subject. */
export interface OidcTokenRequest extends TokenRequest {
  /** The client that the bearer names, `project/client`; nothing has proven it yet. For the limit on failures alone. */
  readonly claimedClient: string;
  /** Ours, of this surface: it fixes tenant, project and client. */
  readonly bearer: PresentedToken;
  /** Of an issuer that the tenant trusts. */
  readonly oidcToken: PresentedToken;
}
