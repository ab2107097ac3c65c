import { randomUUID } from 'node:crypto';
import type { AuditTrace } from '../audit/audit-record.ts';
import { release, type TokenResponse } from '../audit/release.ts';
import { buildClaims } from '../issuing/claims.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { epochSeconds } from '../domain/clock.ts';
import { admit } from './authorize.ts';
import type { AuthenticatedClient } from './authenticated-client.ts';
import type { TokenDesk } from './token-desk.ts';
import type { TokenRequest } from './token-request.ts';

/** Hop 3, the only one in which the doors differ: how the caller is proven. */
export type Prove<Request extends TokenRequest> = (
  tenant: Tenant,
  request: Request,
  trace: AuditTrace,
) => Promise<AuthenticatedClient>;

/**
 * Hops 2 to 7: the one path to a token. Each hop takes what the one before it proved; nothing is written before the last.
 */
export async function mintToken<Request extends TokenRequest>(
  desk: TokenDesk,
  request: Request,
  prove: Prove<Request>,
  trace: AuditTrace,
): Promise<TokenResponse> {
  trace.tenantId = request.tenantId;
  const started = desk.gate.start(request.tenantId);
  const startedAtMs = typeof started === 'number' ? started : await started;
  const tenant = await desk.tenants.open(request.tenantId);
  const caller = await prove(tenant, request, trace);
  const admission = await admit(desk.directories, tenant, caller, request.surface);
  trace.subjectId = admission.facts.subject.id;
  // Of the time before all that it says was read: a revocation of then ends it, however long the rest took.
  const now = epochSeconds(startedAtMs);
  const claims = buildClaims(admission, { publicUrl: desk.publicUrl, now, jti: randomUUID() });
  const signed = await desk.issuer.issue(tenant, claims);
  desk.gate.refuseRevoked(claims, signed.kid);
  trace.tokenId = claims.jti;
  trace.keyId = signed.kid;
  return release(desk, desk.clock.nowMs(), trace, signed, caller.facts.once);
}
