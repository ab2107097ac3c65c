import {
  parseSubjectTokenAlgorithm,
  SUBJECT_TOKEN_ALGORITHM_NAMES,
} from '../../../identity-providers/subject-token-algorithm.ts';
import { parseSubjectTokenType } from '../../../identity-providers/subject-token-type.ts';
import { topLevelClaim } from '../../../identity-providers/claims/guarding-conditions.ts';
import type { ListedHosts } from '../../../identity-providers/egress/provider-url.ts';
import { ISSUER_LENGTH } from '../../../control-plane/entities/tenant.entity.ts';
import { isLinkableIssuer } from '../../../directory/linked-identity.ts';
import { isIssuerOfThisService } from '../../../domain/issuer.ts';
import { parseClientId, parseTrustId } from '../../../domain/ids.ts';
import type { NameRegistry } from './name-registry.ts';
import {
  duration,
  exactText,
  Fields,
  idBy,
  listOf,
  matching,
  oneOf,
  type Reader,
  setOf,
  withoutPatterns,
  wordOr,
} from './read-fields.ts';
import { conditionMap } from './read-conditions.ts';
import { keySetUrl, providerUrl } from './read-provider-url.ts';
import { subjectId } from './read-persons.ts';
import { domainSet, surfaceSet } from './read-projects.ts';
import type { IssuerSpec } from '../tenants-file.ts';
import type { PartialIssuer } from '../partial-tenants-file.ts';
import type { SourceNode } from '../source-node.ts';

const KEYS = [
  'id',
  'issuer',
  'jwks_uri',
  'audiences',
  'audience_claim',
  'azp',
  'algorithms',
  'key_use',
  'typ',
  'conditions',
  'email_verified',
  'subject',
  'clients',
  'surfaces',
  'max_age',
  'max_lifetime',
] as const;

/** Settings that the check of an issuer needs in addition to the file. */
export interface IssuerContext extends ListedHosts {
  /** The base of this service's own issuers. */
  readonly publicUrl: string;
}

export function readIssuers(
  registry: NameRegistry,
  { publicUrl, ...listedHosts }: IssuerContext,
): Reader<readonly PartialIssuer[]> {
  return listOf((node, errors) => {
    const fields = Fields.open(node, 'an issuer', KEYS, errors);
    if (fields === undefined) return undefined;
    const id = fields.required('id', idBy(parseTrustId), 'write its id, such as "id: corp"');
    if (id !== undefined) registry.declare('issuer', id, fields.place('id'), `issuer "${id}" appears twice`);
    const form = hasKeyUrl(fields.node('jwks_uri')) ? anyIssuer : discoverableIssuer(listedHosts);
    const issuer = fields.member('issuer', withoutPatterns(notOwnIssuer(publicUrl, form)));
    // The trusted issuer is looked up by tenant and `iss`, so the URL must be unique.
    if (issuer !== undefined && issuer !== null)
      registry.declare('issuer URL', issuer, fields.place('issuer'), 'another issuer of this tenant has the same URL');
    const members = {
      issuer,
      jwksUri: fields.member('jwks_uri', keySetUrl(listedHosts)),
      audiences: fields.member('audiences', setOf(withoutPatterns(exactText), { items: 1 })),
      audienceClaim: fields.member('audience_claim', oneOf(['client_id'])),
      azp: fields.member('azp', setOf(withoutPatterns(exactText), { items: 1 })),
      algorithms: fields.member('algorithms', setOf(algorithm, { items: 1 })),
      keyUse: fields.member('key_use', oneOf(['jwt-svid'])),
      types: fields.member('typ', setOf(tokenType)),
      conditions: fields.member('conditions', wordOr('none', conditionMap(', or the word "none"'))),
      emailVerified: fields.member('email_verified', oneOf(['text_allowed'])),
      subject: fields.member('subject', readSubject),
      clients: fields.member('clients', setOf(idBy(parseClientId))),
      surfaces: fields.member('surfaces', surfaceSet),
      maxAgeSeconds: fields.member('max_age', duration({ maxSeconds: 86_400, maxText: '24h' })),
      maxLifetimeSeconds: fields.member('max_lifetime', duration({ maxSeconds: 30 * 86_400, maxText: '30d' })),
    };
    return id === undefined ? undefined : { id, ...members, place: fields.source };
  });
}

/** Whether the keys are found without the issuer. */
function hasKeyUrl(node: SourceNode | undefined): boolean {
  return node !== undefined && !(node.kind === 'scalar' && node.value === null);
}

/** Only compared with `iss`, never fetched (RFC 7519, section 4.1.1: any text). */
const anyIssuer: Reader<string> = matching(
  (text) => (isLinkableIssuer(text) ? text : undefined),
  `the text of "iss": at most ${ISSUER_LENGTH} printable ASCII characters, without spaces at the ends`,
);

/** Without the URL of its keys they are found by the issuer, which must be a URL then (OpenID Connect Discovery 1.0, section 4). */
function discoverableIssuer(listedHosts: ListedHosts): Reader<string> {
  return providerUrl('refused', ISSUER_LENGTH, listedHosts, '; with jwks_uri it may be any text');
}

/** Refuses this service's own issuers. If its tokens were accepted as subject tokens, each token could be renewed forever. */
function notOwnIssuer(publicUrl: string, url: Reader<string>): Reader<string> {
  return (node, errors) => {
    const issuer = url(node, errors);
    if (!isIssuerOfThisService(publicUrl, issuer)) return issuer;
    errors.add(node.at, 'is an issuer of this service itself (PUBLIC_URL): its tokens are never exchanged');
    return undefined;
  };
}

const algorithm = matching(
  parseSubjectTokenAlgorithm,
  `one of ${SUBJECT_TOKEN_ALGORITHM_NAMES.join(', ')}: "none" and HMAC do not prove who signed`,
);

const tokenType = matching(
  parseSubjectTokenType,
  'a media type as it stands in the header "typ", such as secevent+jwt; there are no patterns',
);

const SUBJECT_MEMBERS = [
  ['domains', 'email'],
  ['claim', 'linked'],
  ['id', 'user'],
] as const;

const claimName = matching(
  (text) => (/^[\x21-\x7e]{1,128}$/.test(text) && topLevelClaim(text) !== undefined ? text : undefined),
  'the name of a claim, or a JSON pointer such as /profile/employee: 1 to 128 printable ASCII characters without spaces',
);

const linkingClaim: Reader<string> = (node, errors) => {
  const claim = withoutPatterns(claimName)(node, errors);
  const top = claim === undefined ? undefined : topLevelClaim(claim);
  if (top !== 'iss' && top !== 'aud') return claim;
  errors.add(node.at, 'is alike in all tokens, so it names nobody: name the claim that identifies the account');
  return undefined;
};

const readSubject: Reader<IssuerSpec['subject']> = (node, errors) => {
  const fields = Fields.open(node, 'subject', ['match', 'domains', 'claim', 'id'], errors);
  const match = fields?.required(
    'match',
    oneOf(['email', 'linked', 'user']),
    'write "match: email", "match: linked" or "match: user"',
  );
  if (fields === undefined || match === undefined) return undefined;
  for (const [member, owner] of SUBJECT_MEMBERS)
    if (owner !== match && fields.node(member) !== undefined)
      errors.add(fields.place(member), `${member} has no meaning with "match: ${match}": remove it`);
  if (match === 'linked') {
    if (fields.node('claim') === undefined) return { match };
    const claim = fields.optional('claim', linkingClaim);
    if (claim === undefined) return undefined;
    return claim === 'sub' ? { match } : { match, claim };
  }
  if (match === 'user') {
    const id = fields.required(
      'id',
      subjectId,
      'write the id of the user, or of the administrator, that every token is about',
    );
    return id === undefined ? undefined : { match, id };
  }
  const domains = fields.required('domains', domainSet, 'list the e-mail domains that this issuer speaks for');
  return domains === undefined ? undefined : { match, domains };
};
