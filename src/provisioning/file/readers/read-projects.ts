import type { ClientPolicy } from '../../../tenancy/tenant.ts';
import { lowerCaseAscii } from '../../../domain/email.ts';
import { parseClientId, parseProjectId } from '../../../domain/ids.ts';
import { parseNetwork } from '../../../domain/networks.ts';
import { STATUSES } from '../../../domain/status.ts';
import { PERSON_SURFACES } from '../../../domain/surface.ts';
import type { ListedHosts } from '../../../identity-providers/egress/provider-url.ts';
import type { NameRegistry } from './name-registry.ts';
import {
  displayName,
  duration,
  exactText,
  Fields,
  grantName,
  idBy,
  listOf,
  matching,
  oneOf,
  type Reader,
  setOf,
  wordOr,
} from './read-fields.ts';
import { foreignToManagement, readTokenEndpoint, TOKEN_ENDPOINT_KEYS } from './read-token-endpoint.ts';
import type { PartialClient, PartialProject } from '../partial-tenants-file.ts';

/** Keys stay public for 24 h after their last token was issued. A longer-lived token would outlive its key. */
export const MAX_TTL = { maxSeconds: 24 * 60 * 60, maxText: '24h' };

const status = oneOf(STATUSES);
export const surfaceSet = setOf(oneOf(PERSON_SURFACES));

export const domainSet = setOf(
  matching(
    (text) => (/^(?=.{1,253}$)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/.test(text) ? lowerCaseAscii(text) : undefined),
    'a domain in ASCII, without "@" and "*"',
  ),
  { items: 1 },
);

// A /0 block is refused: it would restrict nothing.
const networkSet = setOf(
  matching(
    (text) => (text.includes('/') && (parseNetwork(text)?.prefix ?? 0) > 0 ? text : undefined),
    'a CIDR block such as 10.0.0.0/8 or fd00::/8, without bits after the prefix and not /0',
  ),
  { items: 1 },
);

export function readProjects(registry: NameRegistry, listedHosts: ListedHosts): Reader<readonly PartialProject[]> {
  return listOf((node, errors) => {
    const fields = Fields.open(node, 'a project', ['id', 'name', 'status', 'clients'], errors);
    if (fields === undefined) return undefined;
    const id = fields.required('id', idBy(parseProjectId), 'write its id, such as "id: shop"');
    if (id !== undefined) registry.declare('project', id, fields.place('id'), `project "${id}" appears twice`);
    const members = {
      name: fields.member('name', displayName),
      status: fields.member('status', status),
      clients: fields.optional('clients', readClients(registry, id ?? '', listedHosts)),
    };
    return id === undefined ? undefined : { id, ...members, place: fields.source };
  });
}

const CLIENT_KEYS = [
  'id',
  'status',
  'policy',
  'surfaces',
  'audience',
  'scopes',
  'subjects',
  'ttl',
  ...TOKEN_ENDPOINT_KEYS,
] as const;

function readClients(
  registry: NameRegistry,
  projectId: string,
  listedHosts: ListedHosts,
): Reader<readonly PartialClient[]> {
  return listOf((node, errors) => {
    const fields = Fields.open(node, 'a client', CLIENT_KEYS, errors);
    if (fields === undefined) return undefined;
    const id = fields.required('id', idBy(parseClientId), 'write its id, such as "id: web"');
    if (id !== undefined)
      registry.declare(`client of ${projectId}`, id, fields.place('id'), `client "${id}" appears twice in its project`);
    const members = {
      status: fields.member('status', status),
      policy: fields.member('policy', readPolicy),
      surfaces: fields.member('surfaces', surfaceSet),
      audience: fields.member('audience', foreignToManagement(exactText)),
      scopes: fields.member('scopes', wordOr('unbounded', setOf(grantName))),
      subjects: fields.member('subjects', wordOr('any', readSubjects)),
      ttlSeconds: fields.member('ttl', duration(MAX_TTL)),
      ...readTokenEndpoint(fields, listedHosts),
    };
    return id === undefined ? undefined : { id, ...members, place: fields.source };
  });
}

const readPolicy: Reader<ClientPolicy> = (node, errors) => {
  if (node.kind !== 'map') {
    const confidential = node.kind === 'scalar' && node.value === 'confidential';
    if (confidential) return { kind: 'confidential' };
    errors.add(node.at, 'must be "confidential" or { secretless: { networks: [...] } }');
    return undefined;
  }
  const secretless = Fields.open(node, 'a policy', ['secretless'], errors)?.required(
    'secretless',
    (inner) =>
      Fields.open(inner, 'secretless', ['networks'], errors)?.required(
        'networks',
        networkSet,
        'list the CIDR blocks that the client may ask from without a secret',
      ),
    'write "policy: confidential", or { secretless: { networks: [...] } }',
  );
  return secretless === undefined ? undefined : { kind: 'secretless', networks: secretless };
};

const readSubjects: Reader<{ readonly domains: readonly string[] }> = (node, errors) => {
  const fields = Fields.open(node, 'subjects', ['domains'], errors);
  const domains = fields?.required('domains', domainSet, 'list the e-mail domains, or write "subjects: any"');
  return domains === undefined ? undefined : { domains };
};
