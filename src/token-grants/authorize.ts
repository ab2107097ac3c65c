import { TesseraError } from '../errors/tessera-error.ts';
import { findSubject, type Subject, type SubjectDirectories, type SubjectReference } from '../directory/subject.ts';
import { AuthorizationDecision, sealAuthorizationDecision } from '../issuing/authorization-decision.ts';
import { andThen, type Awaitable } from '../runtime/awaitable.ts';
import type { Client, Tenant } from '../tenancy/tenant.ts';
import { type CanonicalEmail, parseEmail } from '../domain/email.ts';
import { parseServiceId } from '../domain/service-id.ts';
import { parseSubjectId } from '../domain/subject-id.ts';
import type { Surface } from '../domain/surface.ts';
import type { TokenExchange } from '../domain/token-exchange.ts';
import type { OneTimeProof } from '../replay/replay-protection.ts';

/** What a request says about scopes, in addition to the bounds of its client and its subject. */
export interface ScopeRequest {
  /** Granted whole or not at all (RFC 6749, section 3.3). No name is there twice. Undefined: all that may be granted. */
  readonly asked: readonly string[] | undefined;
  /** The token has at most these. Undefined: no further bound. */
  readonly atMost: ReadonlySet<string> | undefined;
}

/** For grants whose requests cannot ask for scopes. */
export const ALL_SCOPES: ScopeRequest = Object.freeze({ asked: undefined, atMost: undefined });

export interface AuthenticatedClientFacts {
  readonly client: Client;
  /** The subject for which the client requests a token. */
  readonly subject: SubjectReference;
  /** The one service that the token is for. The grant has checked that the client may have tokens for it. */
  readonly audience: string;
  readonly scopes: ScopeRequest;
  /** The latest `exp` that the credentials allow, epoch seconds; undefined: no limit of their own. */
  readonly notAfter: number | undefined;
  /** Undefined: no token was exchanged. */
  readonly exchange: TokenExchange | undefined;
  /** The `jti` of the token of this service that was exchanged. */
  readonly parentTokenId: string | undefined;
  /**
   * Credentials that may be redeemed for one token in this tenant. They are redeemed after all checks and before the token is released. Undefined:
   * they may be used again.
   */
  readonly once: OneTimeProof | undefined;
  /** The client's secret that matched; undefined: it authenticated by other means. */
  readonly secretId: string | undefined;
}

/** The key for making an AuthenticatedClient. Only the grants import it. */
export const sealAuthenticatedClient = Symbol('sealAuthenticatedClient');

/** A client that has authenticated. `authorize` accepts nothing else, so it cannot be called too early. */
export class AuthenticatedClient {
  readonly facts: AuthenticatedClientFacts;

  private constructor(facts: AuthenticatedClientFacts) {
    this.facts = Object.freeze(facts);
  }

  static [sealAuthenticatedClient](facts: AuthenticatedClientFacts): AuthenticatedClient {
    return new AuthenticatedClient(facts);
  }
}

/** Learns whom the decision is about as soon as the directory has answered, so that the record of a refusal names them too. */
export interface SubjectLookUp {
  subjectFound(subject: Subject): void;
  /** Only for a look-up by address. */
  addressUnknown(email: CanonicalEmail): void;
}

/**
 * Decides whether the client may have a token of this surface for this subject, and what the token may contain. The only function that makes an
 * AuthorizationDecision.
 *
 * @throws TesseraError unauthorized, invalid_scope, temporarily_unavailable
 */
export function authorize(
  directories: SubjectDirectories,
  tenant: Tenant,
  authenticated: AuthenticatedClient,
  surface: Surface,
  lookUp: SubjectLookUp,
): Awaitable<AuthorizationDecision> {
  const { client, subject: reference } = authenticated.facts;
  // The surface of services is opened by what the client is itself: then the directory has it as a subject.
  if (surface !== 'service' && !client.surfaces.includes(surface))
    throw new TesseraError('unauthorized', 'the client may not use this surface');

  const found = findSubject(directories[surface], tenant, reference);
  return andThen(found, (subject) => decide(tenant, authenticated.facts, surface, subject, lookUp));
}

function decide(
  tenant: Tenant,
  facts: AuthenticatedClientFacts,
  surface: Surface,
  subject: Subject | undefined,
  lookUp: SubjectLookUp,
): AuthorizationDecision {
  const { client, subject: reference, audience, notAfter, exchange } = facts;
  if (subject === undefined) {
    if (reference.by === 'email') lookUp.addressUnknown(reference.email);
    throw new TesseraError('unauthorized', 'unknown subject');
  }
  refuseConfusedId(tenant, subject.id, surface);
  lookUp.subjectFound(subject);
  if (subject.status !== 'active') throw new TesseraError('unauthorized', 'the subject is disabled');
  const limits = limitsOf(client, subject);
  if (!limits.mayAsk) throw new TesseraError('unauthorized', 'the client may not ask for this subject');
  const { scopes, resources } = narrowed(limits, subject, facts.scopes);

  return AuthorizationDecision[sealAuthorizationDecision]({
    tenant,
    client,
    surface,
    subject,
    audience,
    roles: limits.roles,
    groups: limits.groups,
    scopes,
    resources,
    ttlSeconds: Math.min(tenant.tokens.ttlSeconds, client.ttlSeconds ?? Infinity),
    notAfter,
    exchange,
  });
}

/**
 * The tenant's database may hold any id. One in the form of another kind, or an administrator's, would let a user pass as somebody else wherever
 * `sub` distinguishes subjects. An administrator is not refused for an id that a user took: otherwise the tenant's database could lock them out.
 */
function refuseConfusedId(tenant: Tenant, id: string, surface: Surface): void {
  // Before the id is recorded: it may be an e-mail address.
  if ((surface === 'service' ? parseServiceId(id) : parseSubjectId(id)) === undefined)
    throw new TesseraError('unauthorized', 'the id of the subject is not one that a subject may have');
  if (surface === 'user' && tenant.administratorIds.has(id))
    throw new TesseraError('unauthorized', 'the user has the id of an administrator');
}

/** Decided by the address in the directory, not by the one in the request. Domains bound the people that a client asks for; a service is none. */
function mayAskFor(client: Client, subject: Subject): boolean {
  if (client.subjects === 'any' || subject.email === undefined) return true;
  const email = parseEmail(subject.email);
  return email !== undefined && client.subjects.domains.has(email.domain);
}

/** What a client may request of one subject. */
export interface PairLimits {
  readonly mayAsk: boolean;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly scopes: readonly string[];
  readonly scopeSet: ReadonlySet<string>;
  readonly resources: readonly string[];
}

// Subjects and clients are frozen and live as long as they are cached, so the limits of a pair are computed once.
const pairs = new WeakMap<Subject, WeakMap<Client, PairLimits>>();

/** What a token of the client may have of its subject. Decides nothing: only `authorize` does. */
export function limitsOf(client: Client, subject: Subject): PairLimits {
  let byClient = pairs.get(subject);
  if (byClient === undefined) pairs.set(subject, (byClient = new WeakMap()));
  let limits = byClient.get(client);
  if (limits === undefined) byClient.set(client, (limits = computeLimits(client, subject)));
  return limits;
}

function computeLimits(client: Client, subject: Subject): PairLimits {
  const granted = subject.scopes.filter((scope) => scopeCut(client, scope.name) === undefined);
  const scopes = sorted(granted.map((scope) => scope.name));
  return Object.freeze({
    mayAsk: mayAskFor(client, subject),
    roles: sorted(subject.roles),
    groups: sorted(subject.groups),
    scopes,
    scopeSet: new Set(scopes),
    // The resources of the remaining scopes.
    resources: sorted(granted.flatMap((scope) => scope.resource ?? [])),
  });
}

/**
 * The scopes of the token, and their resources.
 *
 * @throws TesseraError invalid_scope
 */
function narrowed(
  limits: Pick<PairLimits, 'scopes' | 'scopeSet' | 'resources'>,
  { scopes: granted }: Subject,
  request: ScopeRequest,
): Pick<PairLimits, 'scopes' | 'resources'> {
  const { asked, atMost } = request;
  if (asked === undefined && atMost === undefined) return limits;
  const allowed =
    atMost === undefined
      ? limits.scopeSet
      : new Set(limits.scopes.filter((name) => requestCut(request, name) !== 'outside exchange'));
  if (asked?.every((name) => allowed.has(name)) === false)
    throw new TesseraError('invalid_scope', 'a scope that is asked for cannot be granted');
  // The usual request is for all that it may have. `asked` has no name twice and is among `allowed`, and `allowed` is among the limits.
  if ((asked?.length ?? allowed.size) === limits.scopes.length) return limits;
  const kept = asked === undefined ? allowed : new Set(asked);
  return {
    scopes: sorted([...kept]),
    resources: sorted(granted.flatMap(({ name, resource }) => (kept.has(name) ? (resource ?? []) : []))),
  };
}

/** Why a scope of a subject is not in the token. */
export type ScopeCut = 'outside client' | 'outside exchange' | 'not asked for';

/** The words of each reason, for people. */
export const SCOPE_CUTS: Readonly<Record<ScopeCut, (client: Client, audience: string) => string>> = {
  'outside client': ({ id }) => `not among the scopes of client ${id}`,
  'outside exchange': ({ exchange }, audience) =>
    exchange.find(({ to }) => to === audience)?.scopes === 'subset'
      ? `not in the presented token: the exchange to ${audience} gives a subset of it`
      : `not among the scopes of the exchange to ${audience}`,
  'not asked for': () => 'not asked for',
};

/** Why a token of the client does not have this scope of its subject; undefined: it has it. */
export function scopeCut({ scopes: bound }: Client, scope: string): ScopeCut | undefined {
  return bound === 'unbounded' || bound.has(scope) ? undefined : 'outside client';
}

/** Why the token of a request does not have this scope, which its client may have; undefined: it has it, if the subject does. */
export function requestCut({ asked, atMost }: ScopeRequest, scope: string): ScopeCut | undefined {
  if (atMost?.has(scope) === false) return 'outside exchange';
  return asked?.includes(scope) === false ? 'not asked for' : undefined;
}

function sorted(names: readonly string[]): readonly string[] {
  return Object.freeze([...new Set(names)].sort());
}
