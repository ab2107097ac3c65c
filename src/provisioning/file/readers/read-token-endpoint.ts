import { MANAGEMENT_AUDIENCE } from '../../../domain/audience.ts';
import { parseTrustId } from '../../../domain/ids.ts';
import { listsSubjects } from '../../../identity-providers/claims/guarding-conditions.ts';
import type { ListedHosts } from '../../../identity-providers/egress/provider-url.ts';
import type { PartialClient } from '../partial-tenants-file.ts';
import type { ExchangeSpec, ServiceSpec, TokenEndpointSpec, WorkloadSpec } from '../tenants-file.ts';
import { clientKeys } from './read-client-keys.ts';
import { conditionMap } from './read-conditions.ts';
import {
  byCodeUnit,
  complete,
  exactText,
  Fields,
  grantName,
  idBy,
  listOf,
  type Reader,
  setOf,
  withoutPatterns,
  wordOr,
} from './read-fields.ts';
import { keySetUrl } from './read-provider-url.ts';

/** The keys of a client that only the token endpoint uses. */
export const TOKEN_ENDPOINT_KEYS = [
  'audiences',
  'receives',
  'exchange',
  'service',
  'keys',
  'jwks_uri',
  'workload',
] as const;

export function readTokenEndpoint(
  fields: Fields<(typeof TOKEN_ENDPOINT_KEYS)[number]>,
  listedHosts: ListedHosts,
): Pick<PartialClient, keyof TokenEndpointSpec> {
  return {
    audiences: fields.member('audiences', audiences),
    receives: fields.member('receives', audiences),
    exchange: fields.member('exchange', readExchange),
    service: fields.member('service', readService),
    keys: fields.member('keys', clientKeys),
    jwksUri: fields.member('jwks_uri', keySetUrl(listedHosts)),
    workload: fields.member('workload', readWorkload),
  };
}

/** Refuses the audience of the management API, as a client's own one too. */
export const foreignToManagement: (read: Reader<string>) => Reader<string> = (read) => (node, errors) => {
  const audience = read(node, errors);
  if (audience !== MANAGEMENT_AUDIENCE) return audience;
  errors.add(node.at, `must not be ${MANAGEMENT_AUDIENCE} until the management API exists: name another audience`);
  return undefined;
};

const audience = foreignToManagement(withoutPatterns(exactText));

/** More than any client has a use for. Each is compared for every request, and all are stored in one column. */
const MAX_NAMED = 100;

const audiences = atMost(MAX_NAMED, setOf(audience));
const names = setOf(grantName, { items: 1 });

const readExchange: Reader<readonly ExchangeSpec[]> = (node, errors) => {
  const targets = new Set<string>();
  const rules = listOf((item) => {
    const fields = Fields.open(item, 'an exchange', ['to', 'scopes'], errors);
    if (fields === undefined) return undefined;
    const to = fields.required('to', audience, 'write the audience of the new token');
    if (to !== undefined && targets.has(to))
      errors.add(fields.place('to'), 'appears twice in this list: write one entry for each audience');
    if (to !== undefined) targets.add(to);
    return complete<ExchangeSpec>({
      to,
      scopes: fields.required(
        'scopes',
        wordOr('subset', names),
        'write "scopes: subset" for at most the scopes of the presented token, or list those that the new token may have',
      ),
    });
  });
  return atMost(MAX_NAMED, rules)(node, errors)
    ?.slice()
    .sort((a, b) => byCodeUnit(a.to, b.to));
};

const readService: Reader<ServiceSpec> = (node, errors) => {
  const roles = Fields.open(node, 'service', ['roles'], errors)?.required(
    'roles',
    atMost(MAX_NAMED, setOf(grantName)),
    'list the roles of the tokens that the client gets for itself; [] for none',
  );
  return roles === undefined ? undefined : { roles };
};

const readWorkload: Reader<WorkloadSpec> = (node, errors) => {
  const fields = Fields.open(node, 'workload', ['issuer', 'conditions'], errors);
  if (fields === undefined) return undefined;
  const workload = complete<WorkloadSpec>({
    issuer: fields.required('issuer', idBy(parseTrustId), 'write the id of an issuer of this tenant'),
    conditions: fields.required(
      'conditions',
      conditionMap(),
      'list the claims that a token must have, "sub" among them',
    ),
  });
  // Without it, every workload of the issuer's tokens would be this client.
  if (workload !== undefined && !listsSubjects(workload.conditions))
    errors.add(
      fields.place('conditions'),
      'must say which workload it is: write "sub" with its value, or the list of its values',
    );
  return workload;
};

function atMost<T>(maximum: number, read: Reader<readonly T[]>): Reader<readonly T[]> {
  return (node, errors) => {
    const items = read(node, errors);
    if (node.kind === 'list' && node.items.length > maximum) errors.add(node.at, `must list at most ${maximum}`);
    return items;
  };
}
