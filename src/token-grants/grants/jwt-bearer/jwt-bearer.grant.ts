import { Inject, Injectable } from '@nestjs/common';
import { CallerAuthentication } from '../../../clients/caller-authentication.ts';
import { CONFIG, type Config } from '../../../config/config.ts';
import { referenceText } from '../../../directory/subject.ts';
import { Clock } from '../../../domain/clock.ts';
import { GRANT_TYPES } from '../../../domain/grant-types.ts';
import { PresentedToken } from '../../../domain/presented-token.ts';
import { RemoteKeySets } from '../../../identity-providers/keys/remote-key-sets.ts';
import { SUBJECT_TOKEN_STEPS, verifySubjectToken } from '../../../identity-providers/verify-subject-token.ts';
import type { Tenant } from '../../../tenancy/tenant.ts';
import { AuthenticatedClient, sealAuthenticatedClient } from '../../authorize.ts';
import type { AuthenticationProgress, Grant } from '../../grant.ts';
import { formAttemptKey } from '../../token-form/form-attempt-key.ts';
import { formError, formResponse, unauthorizedClient } from '../../token-form/form-response.ts';
import { ownAudience } from '../../token-form/target-parameter.ts';
import { parseTokenForm, requiredParameter, type TokenForm, type TokenFormInput } from '../../token-form/token-form.ts';

export interface JwtBearerRequest extends TokenForm {
  readonly surface: 'user';
  /** Of an issuer that the tenant trusts. */
  readonly assertion: PresentedToken;
}

/** What is checked of an authenticated client and of its assertion, in this order. */
export const JWT_BEARER_CHECKS = ['surfaces', 'audiences', ...SUBJECT_TOKEN_STEPS] as const;

/**
 * RFC 7523, section 2.1: a token of an identity provider for a token of this service, as at oidcToken, but the client authenticates by its own
 * credentials.
 */
@Injectable()
export class JwtBearerGrant implements Grant<JwtBearerRequest, TokenFormInput> {
  readonly name = 'jwt-bearer';
  readonly type = GRANT_TYPES['jwt-bearer'];
  readonly attemptKey = formAttemptKey;
  readonly respond = formResponse;
  readonly errorOf = formError;
  readonly #publicUrl: string;
  readonly #callers: Pick<CallerAuthentication, 'authenticate'>;
  readonly #keySets: RemoteKeySets;
  readonly #clock: Clock;

  constructor(
    @Inject(CONFIG) { publicUrl }: Pick<Config, 'publicUrl'>,
    @Inject(CallerAuthentication) callers: Pick<CallerAuthentication, 'authenticate'>,
    keySets: RemoteKeySets,
    clock: Clock,
  ) {
    this.#publicUrl = publicUrl;
    this.#callers = callers;
    this.#keySets = keySets;
    this.#clock = clock;
  }

  parse(input: TokenFormInput): JwtBearerRequest {
    const form = parseTokenForm(input, ['assertion']);
    return {
      ...form,
      surface: 'user',
      assertion: new PresentedToken(requiredParameter(form.parameters, 'assertion')),
    };
  }

  /**
   * The client is authenticated first, so that nobody else can learn which issuers a tenant trusts or cause requests to an identity provider.
   *
   * @throws TesseraError invalid_client, unauthorized_client, invalid_target, unauthorized for whatever is wrong with the assertion,
   * temporarily_unavailable
   */
  async authenticate(
    tenant: Tenant,
    { presented, target, scopes, surface, assertion }: JwtBearerRequest,
    progress: AuthenticationProgress,
  ): Promise<AuthenticatedClient> {
    const { client, secretId, notAfter } = await this.#callers.authenticate(tenant, presented, progress);
    if (!client.surfaces.includes(surface)) throw unauthorizedClient('the client may not have tokens of users');
    progress.passed('surfaces');
    const audience = ownAudience(client, target);
    progress.passed('audiences');
    progress.asksFor('unknown issuer', '');
    const deps = { publicUrl: this.#publicUrl, keySets: this.#keySets, clock: this.#clock };
    const proof = await verifySubjectToken(deps, { tenant, client, surface, token: assertion }, (step, issuer) => {
      if (step === 'trust') progress.asksFor('trusted issuer', issuer);
      progress.passed(step);
    });
    progress.asksFor('subject', referenceText(proof.subject));
    return AuthenticatedClient[sealAuthenticatedClient]({
      client,
      subject: proof.subject,
      audience,
      scopes: { asked: scopes, atMost: undefined },
      notAfter: Math.min(proof.notAfter, notAfter ?? Infinity),
      exchange: { actor: undefined, identityProvider: proof.trust.issuer, rootTokenId: undefined },
      parentTokenId: undefined,
      once: proof.once,
      secretId,
    });
  }
}
