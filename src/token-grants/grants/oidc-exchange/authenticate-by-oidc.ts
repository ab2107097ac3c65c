import type { VerifiedToken } from '@tessera/token/core';
import type { AttemptLimit } from '../../../rate-limit/attempt-limit.ts';
import type { SubjectReference } from '../../../directory/subject.ts';
import { AuthenticatedClient, sealAuthenticatedClient } from '../../authenticated-client.ts';
import type { AuditTrace } from '../../../audit/audit-record.ts';
import type { SubjectDirectories } from '../../../directory/subject.ts';
import { TesseraError } from '../../../errors/tessera-error.ts';
import type { Client, Tenant } from '../../../tenancy/tenant.ts';
import { parseEmail } from '../../../domain/email.ts';
import { parseClientId, parseProjectId } from '../../../domain/ids.ts';
import type { Surface } from '../../../domain/surface.ts';
import type { OidcTokenRequest } from './oidc-token-request.ts';
import { PresentedToken } from '../../../domain/presented-token.ts';
import { type SubjectTokenDeps, verifySubjectToken } from '../../../identity-providers/verify-subject-token.ts';

export interface OidcAuthenticationDeps extends SubjectTokenDeps {
  /** The service's own guard. */
  readonly ownTokens: { verify(token: string, surface: Surface): Promise<VerifiedToken> };
  readonly directories: SubjectDirectories;
}

/**
 * Hop 3 of oidcToken: the bearer proves the client, then the foreign token the subject. The bearer comes first and whole, so that nobody
 * without one learns whom a tenant trusts or makes us ask an issuer.
 *
 * @param limit is told how far the proof came
 * @throws TesseraError unauthorized whatever failed, temporarily_unavailable
 */
export async function authenticateByOidc(
  deps: OidcAuthenticationDeps,
  tenant: Tenant,
  request: OidcTokenRequest,
  trace: AuditTrace,
  limit: Pick<AttemptLimit, 'authenticated' | 'asksFor'>,
): Promise<AuthenticatedClient> {
  const bearer = await deps.ownTokens.verify(PresentedToken.text(request.bearer), request.surface);
  const client = clientOf(bearer, tenant, request.surface);
  trace.projectId = client.projectId;
  trace.clientId = client.id;
  await refuseInactiveBearer(deps.directories, tenant, request.surface, bearer);
  limit.authenticated();

  limit.asksFor('unknown issuer', '');
  const presentation = { tenant, client, surface: request.surface, token: request.oidcToken };
  const proof = await verifySubjectToken(deps, presentation, (step, issuer) => {
    if (step === 'trust') limit.asksFor('trusted issuer', issuer);
  });
  limit.asksFor('subject', nameOf(proof.subject));
  return AuthenticatedClient[sealAuthenticatedClient]({
    client,
    subject: proof.subject,
    notAfter: proof.notAfter,
    exchange: {
      actor: { clientId: client.id, sub: bearer.subject },
      identityProvider: proof.trust.issuer,
    },
    once: proof.once,
  });
}

function nameOf(subject: SubjectReference): string {
  return subject.by === 'email' ? subject.email : `${subject.issuer} ${subject.sub}`;
}

/** The client that a verified bearer stands for, as it is today: the bearer only says what it was when it was made. */
function clientOf(bearer: VerifiedToken, tenant: Tenant, surface: Surface): Client {
  // The verifier judged both already; it found the tenant by itself, so this is what ties its finding to the tenant that was opened.
  if (bearer.tenantId !== tenant.id) throw new TesseraError('unauthorized', 'bearer: of another tenant');
  if (bearer.surface !== surface) throw new TesseraError('unauthorized', 'bearer: of another surface');
  // One exchange leads to no other, or a token's life had no end.
  if (bearer.actor !== undefined || bearer.identityProvider !== undefined)
    throw new TesseraError('unauthorized', 'bearer: it came from an exchange');
  return activeClient(tenant, bearer.projectId, bearer.clientId);
}

/** @throws TesseraError unauthorized */
export function activeClient(tenant: Tenant, projectName: string, clientName: string): Client {
  if (tenant.status !== 'active') throw new TesseraError('unauthorized', 'the tenant is suspended');
  const projectId = parseProjectId(projectName);
  const clientId = parseClientId(clientName);
  const project = projectId && tenant.projects.get(projectId);
  const client = clientId && project?.clients.get(clientId);
  if (!project || !client) throw new TesseraError('unauthorized', 'bearer: its client is no more');
  if (project.status !== 'active') throw new TesseraError('unauthorized', 'the project is disabled');
  if (client.status !== 'active') throw new TesseraError('unauthorized', 'the client is disabled');
  return client;
}

/** Somebody who was dismissed must not go on asking for others with a token from before. */
async function refuseInactiveBearer(
  directories: SubjectDirectories,
  tenant: Tenant,
  surface: Surface,
  bearer: VerifiedToken,
): Promise<void> {
  const email = parseEmail(bearer.email);
  const subject = email && (await directories[surface].findByEmail(tenant, email.canonical));
  // The address may have passed to somebody else since.
  if (subject?.id !== bearer.subject) throw new TesseraError('unauthorized', 'bearer: its subject is no more');
  if (subject.status !== 'active') throw new TesseraError('unauthorized', 'bearer: its subject is disabled');
}
