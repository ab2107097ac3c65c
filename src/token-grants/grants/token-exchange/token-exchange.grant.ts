import type { TesseraClaims } from '@tessera/token';
import type { VerifiedToken } from '@tessera/token/core';
import { Inject, Injectable } from '@nestjs/common';
import { CallerAuthentication } from '../../../clients/caller-authentication.ts';
import { CONFIG, type Config } from '../../../config/config.ts';
import { GRANT_TYPES } from '../../../domain/grant-types.ts';
import type { PresentedToken } from '../../../domain/presented-token.ts';
import { serviceId } from '../../../domain/service-id.ts';
import type { Surface } from '../../../domain/surface.ts';
import { TesseraError } from '../../../errors/tessera-error.ts';
import type { SignedJwt } from '../../../issuing/jwt-issuer.ts';
import type { Client, Tenant } from '../../../tenancy/tenant.ts';
import { OwnTokenVerifier } from '../../../verification/own-tokens.ts';
import { AuthenticatedClient, sealAuthenticatedClient } from '../../authorize.ts';
import type { AuthenticationProgress, Grant } from '../../grant.ts';
import { formAttemptKey } from '../../token-form/form-attempt-key.ts';
import { formError, formResponse, unauthorizedClient } from '../../token-form/form-response.ts';
import type { TokenFormInput } from '../../token-form/token-form.ts';
import { actorChain } from './actor-chain.ts';
import { exchangeRule, mostScopes, refuseUnreceived } from './exchange-rules.ts';
import { ACCESS_TOKEN_TYPE, parseTokenExchange, type TokenExchangeRequest } from './parse-token-exchange.ts';

/** What is checked of an authenticated client and of the token that it presents, in this order. */
export const TOKEN_EXCHANGE_CHECKS = ['exchange', 'surfaces', 'subject_token', 'receives', 'chain'] as const;

/**
 * RFC 8693: a service that has received a token of this service exchanges it for one to call the next service with. The new token is about the same
 * subject, with its grants of now; it names each client on the way and ends no later than the first token.
 */
@Injectable()
export class TokenExchangeGrant implements Grant<TokenExchangeRequest, TokenFormInput> {
  readonly name = 'token-exchange';
  readonly type = GRANT_TYPES['token-exchange'];
  readonly attemptKey = formAttemptKey;
  readonly errorOf = formError;
  readonly #publicUrl: string;
  readonly #callers: Pick<CallerAuthentication, 'authenticate'>;
  readonly #tokens: Pick<OwnTokenVerifier, 'verify'>;

  constructor(
    @Inject(CONFIG) { publicUrl }: Pick<Config, 'publicUrl'>,
    @Inject(CallerAuthentication) callers: Pick<CallerAuthentication, 'authenticate'>,
    @Inject(OwnTokenVerifier) tokens: Pick<OwnTokenVerifier, 'verify'>,
  ) {
    this.#publicUrl = publicUrl;
    this.#callers = callers;
    this.#tokens = tokens;
  }

  parse(input: TokenFormInput): TokenExchangeRequest {
    return parseTokenExchange(this.#publicUrl, input);
  }

  /**
   * The client authenticates, then what it may do is checked, and last the token that it presents.
   *
   * @throws TesseraError invalid_client, unauthorized_client, invalid_target, unauthorized for whatever is wrong with a token, temporarily_unavailable
   */
  async authenticate(
    tenant: Tenant,
    request: TokenExchangeRequest,
    progress: AuthenticationProgress,
  ): Promise<AuthenticatedClient> {
    const caller = await this.#callers.authenticate(tenant, request.presented, progress);
    const { client } = caller;
    const rule = exchangeRule(client, request.target);
    progress.passed('exchange');
    // By what the token says, and so before it is verified: the answer tells nothing about it.
    if (request.surface === 'user' && !client.surfaces.includes('user'))
      throw unauthorizedClient('the client may not have tokens of users');
    progress.passed('surfaces');
    const subjectToken = await this.#verify(tenant, request.subjectToken, request.surface, 'subject token');
    const rootTokenId = subjectToken.root ?? subjectToken.tokenId;
    progress.refusedFor(subjectToken.subject);
    progress.exchanges({ audience: rule.to, parentTokenId: subjectToken.tokenId, rootTokenId });
    progress.asksFor('subject', subjectToken.subject);
    progress.passed('subject_token');
    refuseUnreceived(client, subjectToken);
    progress.passed('receives');
    const actor = actorChain(tenant, client, subjectToken);
    progress.passed('chain');
    if (request.actorToken !== undefined) await this.#verifyActor(tenant, client, request.actorToken);
    return AuthenticatedClient[sealAuthenticatedClient]({
      client,
      subject: { by: 'id', id: subjectToken.subject },
      audience: rule.to,
      scopes: { asked: request.scopes, atMost: mostScopes(rule, subjectToken) },
      notAfter: Math.min(subjectToken.expiresAt, caller.notAfter ?? Infinity),
      exchange: {
        actor,
        identityProvider: subjectToken.identityProvider,
        rootTokenId,
      },
      parentTokenId: subjectToken.tokenId,
      once: undefined,
      secretId: caller.secretId,
    });
  }

  respond(signed: SignedJwt, claims: TesseraClaims): string {
    return formResponse(signed, claims, ACCESS_TOKEN_TYPE);
  }

  /** By the server's own verifier, revocations included. */
  async #verify(
    tenant: Tenant,
    token: PresentedToken,
    surface: Surface,
    what: 'subject token' | 'actor token',
  ): Promise<VerifiedToken> {
    const verified = await this.#tokens.verify(token, surface).catch((error: unknown) => {
      throw renamed(error, what);
    });
    // The verifier has found the tenant in the token itself.
    if (verified.tenantId !== tenant.id) throw new TesseraError('unauthorized', `${what}: of another tenant`);
    return verified;
  }

  /** RFC 8693, section 2.1: it identifies the party that acts, which is the calling client and nobody else. */
  async #verifyActor(tenant: Tenant, client: Client, token: PresentedToken): Promise<void> {
    const { subject, projectId, clientId, actor } = await this.#verify(tenant, token, 'service', 'actor token');
    const isOwn =
      subject === serviceId({ projectId: client.projectId, clientId: client.id }) &&
      projectId === client.projectId &&
      clientId === client.id &&
      actor === undefined;
    if (!isOwn) throw new TesseraError('unauthorized', 'actor token: it is not of the calling client');
  }
}

/** The verifier is that of bearers, too. */
function renamed(error: unknown, what: string): unknown {
  return error instanceof TesseraError && error.code === 'unauthorized'
    ? new TesseraError('unauthorized', error.reason.replace(/^bearer/, what), { cause: error })
    : error;
}
