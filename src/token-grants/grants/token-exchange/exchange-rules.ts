import type { VerifiedToken } from '@tessera/token/core';
import { TesseraError } from '../../../errors/tessera-error.ts';
import type { Client, ExchangeRule } from '../../../tenancy/tenant.ts';
import { unauthorizedClient } from '../../token-form/form-response.ts';
import { refuseManagement } from '../../token-form/target-parameter.ts';

/**
 * What the client may exchange tokens for. Without a target, that is its own audience, which must be listed like any other.
 *
 * @throws TesseraError unauthorized_client, invalid_target
 */
export function exchangeRule(client: Client, target: string | undefined): ExchangeRule {
  if (client.exchange.length === 0) throw unauthorizedClient('the client may not exchange tokens');
  const audience = target ?? client.audience;
  const rule = client.exchange.find(({ to }) => to === audience);
  if (rule === undefined)
    throw new TesseraError('invalid_target', 'the client may not exchange tokens for this audience');
  refuseManagement(audience);
  return rule;
}

/**
 * Refuses a token that is for somebody else. A client that could exchange whatever it gets hold of would be a way from each service to every other.
 *
 * @throws TesseraError unauthorized
 */
export function refuseUnreceived(client: Client, { audience }: VerifiedToken): void {
  const received = client.receives ?? [client.audience];
  if (!received.includes(audience)) throw new TesseraError('unauthorized', 'subject token: it is for another audience');
}

/** The most scopes that the new token may have. */
export function mostScopes({ scopes }: ExchangeRule, subjectToken: VerifiedToken): ReadonlySet<string> {
  return scopes === 'subset' ? new Set(subjectToken.scopes) : scopes;
}
