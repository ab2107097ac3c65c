import type { Secret } from '../config/secret.ts';
import type { EmailAddress } from '../domain/email.ts';
import type { ClientId, ProjectId, TenantId } from '../domain/ids.ts';
import type { Surface } from '../domain/surface.ts';

/** What every door knows after hop 1: where to look, and through which door. Nothing is proven yet. */
export interface TokenRequest {
  readonly surface: Surface;
  readonly tenantId: TenantId;
  /** The address that the request came from, for limits. */
  readonly source: string;
}

/** A request of generateToken: the caller says who it is and for whom it asks. */
export interface SecretTokenRequest extends TokenRequest {
  readonly projectId: ProjectId;
  readonly clientId: ClientId;
  readonly email: EmailAddress;
  /** The address that conditions on networks go by. */
  readonly network: string;
  /** What was sent as `secret_id`; undefined: nothing was. */
  readonly credential: Secret | undefined;
}
