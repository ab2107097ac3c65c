import type { VerifiedToken } from '@tessera/token/core';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../../config/config.ts';
import { CachedSubjectDirectories } from '../../../directory/cached-subject.directories.ts';
import { referenceText, type SubjectDirectories } from '../../../directory/subject.ts';
import { Clock } from '../../../domain/clock.ts';
import { parseEmail } from '../../../domain/email.ts';
import { parseClientId, parseProjectId } from '../../../domain/ids.ts';
import type { Surface } from '../../../domain/surface.ts';
import { TesseraError } from '../../../errors/tessera-error.ts';
import { RemoteKeySets } from '../../../identity-providers/keys/remote-key-sets.ts';
import {
  type Presentation,
  type SubjectTokenDeps,
  type SubjectTokenStep,
  verifySubjectToken,
} from '../../../identity-providers/verify-subject-token.ts';
import type { AttemptKey } from '../../../rate-limit/attempt-limit.ts';
import type { Client, Tenant } from '../../../tenancy/tenant.ts';
import { OwnTokenVerifier } from '../../../verification/own-tokens.ts';
import { ALL_SCOPES, AuthenticatedClient, sealAuthenticatedClient } from '../../authorize.ts';
import { type AuthenticationProgress, type Grant, type TokenRequestInput, tokenResponse } from '../../grant.ts';
import { type OidcTokenRequest, parseOidcTokenRequest } from './parse-oidc-token-request.ts';

/**
 * The grant of oidcToken: a client authenticates by a token of this service, and presents a subject token of an identity provider.
 *
 * Failures count separately from those of generateToken: users with expired tokens must not prevent their client from getting its own bearer with the
 * right secret. Nothing here can be guessed, so every attempt is checked: a client with a valid bearer must not be locked out by requests of others
 * in its name, or by those of its own users.
 */
@Injectable()
export class OidcExchangeGrant implements Grant<OidcTokenRequest> {
  readonly name = 'oidcToken';
  readonly type = undefined;
  readonly respond = tokenResponse;
  readonly #publicUrl: string;
  readonly #ownTokens: Pick<OwnTokenVerifier, 'verify'>;
  readonly #directories: SubjectDirectories;
  readonly #keySets: RemoteKeySets;
  readonly #clock: Clock;

  constructor(
    @Inject(CONFIG) { publicUrl }: Pick<Config, 'publicUrl'>,
    @Inject(OwnTokenVerifier) ownTokens: Pick<OwnTokenVerifier, 'verify'>,
    @Inject(CachedSubjectDirectories) directories: SubjectDirectories,
    keySets: RemoteKeySets,
    clock: Clock,
  ) {
    this.#publicUrl = publicUrl;
    this.#ownTokens = ownTokens;
    this.#directories = directories;
    this.#keySets = keySets;
    this.#clock = clock;
  }

  parse({ surface, authorization, body, request }: TokenRequestInput): OidcTokenRequest {
    return parseOidcTokenRequest(this.#publicUrl, { surface, authorization, body, source: request.source });
  }

  attemptKey({ tenantId, claimedClient }: OidcTokenRequest): AttemptKey {
    return { key: `${this.name} ${tenantId}/${claimedClient}`, isGuessable: false };
  }

  /**
   * The bearer authenticates the client; then the subject token identifies the subject. The bearer is verified completely first, so that a caller
   * without one cannot learn which issuers a tenant trusts or cause requests to an identity provider.
   *
   * @throws TesseraError unauthorized whatever failed, temporarily_unavailable
   */
  async authenticate(
    tenant: Tenant,
    request: OidcTokenRequest,
    progress: AuthenticationProgress,
  ): Promise<AuthenticatedClient> {
    const bearer = await this.#ownTokens.verify(request.bearer, request.surface);
    const client = clientOf(bearer, tenant, request.surface);
    progress.clientFound(client);
    await refuseInactiveBearer(this.#directories, tenant, request.surface, bearer, progress);
    progress.authenticated();

    progress.asksFor('unknown issuer', '');
    const parts = { publicUrl: this.#publicUrl, keySets: this.#keySets, clock: this.#clock };
    const presentation = { tenant, client, surface: request.surface, token: request.oidcToken };
    const authenticated = await authenticateSubject(parts, presentation, bearer.subject, (step, issuer) => {
      if (step === 'trust') progress.asksFor('trusted issuer', issuer);
    });
    progress.asksFor('subject', referenceText(authenticated.facts.subject));
    return authenticated;
  }

  errorOf(error: unknown): unknown {
    return withoutUnknownTenant(error);
  }
}

/** Without valid credentials, a caller must not learn which tenants exist. */
export function withoutUnknownTenant(error: unknown): unknown {
  return error instanceof TesseraError && error.code === 'client_not_found'
    ? new TesseraError('unauthorized', 'bearer: unknown tenant', { cause: error })
    : error;
}

/**
 * The second half of the grant: verifies the subject token, which identifies the subject.
 *
 * @param actor the subject of the client's bearer
 * @param passed called after each step
 * @throws TesseraError unauthorized, temporarily_unavailable
 */
export async function authenticateSubject(
  parts: SubjectTokenDeps,
  presentation: Presentation,
  actor: string,
  passed: (step: SubjectTokenStep, issuer: string) => void,
): Promise<AuthenticatedClient> {
  const { client } = presentation;
  const proof = await verifySubjectToken(parts, presentation, passed);
  return AuthenticatedClient[sealAuthenticatedClient]({
    client,
    subject: proof.subject,
    audience: client.audience,
    scopes: ALL_SCOPES,
    notAfter: proof.notAfter,
    exchange: {
      actor: { client_id: client.id, sub: actor },
      identityProvider: proof.trust.issuer,
      rootTokenId: undefined,
    },
    parentTokenId: undefined,
    once: proof.once,
    secretId: undefined,
  });
}

/** The present state of a verified bearer's client, which may have changed since the bearer was issued. */
function clientOf(bearer: VerifiedToken, tenant: Tenant, surface: Surface): Client {
  // The verifier has checked both, but it looked up the tenant itself. This ensures that it was the same tenant.
  if (bearer.tenantId !== tenant.id) throw new TesseraError('unauthorized', 'bearer: of another tenant');
  if (bearer.surface !== surface) throw new TesseraError('unauthorized', 'bearer: of another surface');
  // A token from an exchange cannot be exchanged again; otherwise a chain of tokens could be endless.
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

/** A person who was disabled must not use an older token to request tokens for others. */
async function refuseInactiveBearer(
  directories: SubjectDirectories,
  tenant: Tenant,
  surface: Surface,
  bearer: VerifiedToken,
  progress: AuthenticationProgress,
): Promise<void> {
  const email = parseEmail(bearer.email);
  const subject = email && (await directories[surface].findByEmail(tenant, email.canonical));
  // The address may have passed to another person since.
  if (subject?.id === bearer.subject && subject.status === 'active') return;
  progress.refusedFor(bearer.subject);
  const reason = subject?.id === bearer.subject ? 'bearer: its subject is disabled' : 'bearer: its subject is no more';
  throw new TesseraError('unauthorized', reason);
}
