import type { TesseraError } from '../../errors/tessera-error.ts';
import { type SubjectTokenRefusal, withoutPrefix } from '../../identity-providers/subject-token-refusal.ts';
import type { Surface } from '../../domain/surface.ts';
import type { Trust } from '../../tenancy/tenant.ts';
import { wordsOf } from '../../token-grants/explain.ts';
import { explainError } from '../explain-error.ts';
import type { UnmetCondition } from './unmet-conditions.ts';
import type { MissingLink } from './missing-link.ts';
import { type ComparedRow, quoted } from './compare-token.ts';
import { FETCH_MENDS, FORM_MENDS, type Mend, STEP_MENDS, TOKEN_MENDS } from './token-mends.ts';

/** The check that refused the token. The pipeline has decided it; here it gets the values and the mend. */
export interface FailedCheck {
  readonly step: string;
  readonly reason: string;
  /** What is wrong in the token, with what is wanted; null if no single value is. */
  readonly name: string | null;
  readonly wants: string | null;
  readonly has: string | null;
  /** Null: the reason ends with the mend. */
  readonly mend: string | null;
}

export interface RefusalContext {
  readonly step: string;
  readonly refusal: TesseraError;
  readonly rows: readonly ComparedRow[];
  /** Why the form of the token is refused, as the parser says it. */
  readonly fault: string | undefined;
  /** `iss` of the token, if it is a text. */
  readonly issuer: string | undefined;
  /** Those that the tenant trusts. */
  readonly issuers: readonly string[];
  readonly unmet: readonly UnmetCondition[];
  readonly trust: Trust | undefined;
  readonly surface: Surface;
  /** The link that would make the subject known; undefined if none would. */
  readonly missingLink: MissingLink | undefined;
}

export function failedCheck(context: RefusalContext): FailedCheck {
  const { step, refusal, rows, fault } = context;
  const reason = withoutPrefix(wordsOf(refusal));
  const [unmet] = context.unmet;
  if (unmet !== undefined) {
    const { claim: name, wants, has, mend } = unmet;
    return { step, reason, name, wants, has, mend: mend ?? MEET_CONDITION };
  }
  const { row, mend } = mendOf(reason, context);
  const compared = rows.find(({ name }) => name === row);
  return {
    step,
    reason: reason === MALFORMED && fault !== undefined ? `${reason}, ${fault}` : reason,
    name: compared?.name ?? null,
    wants: compared?.wants ?? null,
    has: compared?.has ?? null,
    mend,
  };
}

/** One sentence, which ends with the mend. */
export function failedCheckText({ step, reason, name, wants, has, mend }: FailedCheck): string {
  const holder = name === DISCOVERED_ISSUER ? 'the provider' : 'the token';
  const values = name === null ? '' : ` (${name}: wants ${wants ?? ''}, ${holder} has ${has ?? ''})`;
  return `Refused at ${step}: ${reason}${values}${mend === null ? '' : `: ${mend}`}`;
}

/** The row of the comparison with the issuer that a discovery document names. */
export const DISCOVERED_ISSUER = 'issuer of the discovery document';

const MALFORMED = 'it is malformed' satisfies SubjectTokenRefusal;
const NOT_TRUSTED = 'this tenant does not trust its issuer' satisfies SubjectTokenRefusal;
const UNLINKABLE = /^its .* cannot be linked$/su;
const MEET_CONDITION = 'give a token that meets it, or correct the condition if it is not what you mean';

/** A mend, or null if the reason ends with it. */
type FoundMend = Mend | { readonly row?: string; readonly mend: null };

function mendOf(reason: string, context: RefusalContext): FoundMend {
  const { fault, issuer, issuers, refusal, trust } = context;
  if (reason === MALFORMED && fault !== undefined) return FORM_MENDS.get(fault) ?? TOKEN_MENDS[reason];
  if (reason === NOT_TRUSTED && issuer !== undefined)
    return { row: 'iss', mend: nearIssuerMend(issuer, issuers) ?? TOKEN_MENDS[reason].mend };
  if (reason === 'unknown subject') return { mend: unknownSubjectMend(context) };
  const known = isFixed(reason) ? TOKEN_MENDS[reason] : STEP_MENDS.get(reason);
  if (known !== undefined) return known;
  if (UNLINKABLE.test(reason) && trust?.subject.match === 'linked')
    return { row: trust.subject.claim ?? 'sub', mend: TOKEN_MENDS['its subject cannot be linked'].mend };
  if (reason.startsWith(FETCHED)) return fetchMend(reason.slice(FETCHED.length));
  return { mend: refusal.failure === undefined ? null : explainError(refusal) };
}

function isFixed(reason: string): reason is keyof typeof TOKEN_MENDS {
  return Object.hasOwn(TOKEN_MENDS, reason);
}

const FETCHED = 'identity provider: ';

function fetchMend(phrase: string): FoundMend {
  const [, what = phrase] = /^(?:discovery|keys): (.*)$/.exec(phrase) ?? [];
  const mend = FETCH_MENDS.get(what.replace(/^the proxy of HTTPS_PROXY: /, '')) ?? null;
  return what === 'it names another issuer' ? { row: DISCOVERED_ISSUER, mend } : { mend };
}

function unknownSubjectMend({ trust, surface, missingLink }: RefusalContext): string {
  const [kind, list] = surface === 'admin' ? (['an administrator', 'admins'] as const) : (['a user', 'users'] as const);
  if (trust?.subject.match === 'linked')
    return missingLink === undefined
      ? 'link by another claim: a tenants file takes no identity with * or {tenantid}'
      : 'link the account to its owner, as below';
  if (trust?.subject.match === 'user')
    return `add ${kind} with the id ${quoted(trust.subject.id)}, or correct "id" under "subject" of the issuer`;
  return `add ${kind} with the e-mail address of the token under "${list}", or correct the address of the one who is there`;
}

/** For an issuer that looks like a trusted one: how the two differ. */
function nearIssuerMend(issuer: string, issuers: readonly string[]): string | undefined {
  for (const [difference, simplify] of DIFFERENCES) {
    if (issuers.some((one) => simplify(one) === simplify(issuer)))
      return `they differ in ${difference}, so write the issuer as the provider has it in its discovery document and its tokens`;
  }
  return undefined;
}

const withoutSlash = (issuer: string): string => issuer.replace(/\/$/, '');
const lowerCase = (issuer: string): string => withoutSlash(issuer).toLowerCase();
const withoutOrigin = (issuer: string): string =>
  lowerCase(issuer).replace(/^https?:\/\/([^/:]*)(?::\d{1,5})?/, 'https://$1');

/** From the nearest to the farthest. */
const DIFFERENCES: readonly (readonly [string, (issuer: string) => string])[] = [
  ['the slash at the end', withoutSlash],
  ['upper and lower case', lowerCase],
  ['the scheme or the port', withoutOrigin],
];
