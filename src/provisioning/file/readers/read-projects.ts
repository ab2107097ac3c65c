import type { ClientPolicy } from '../../../tenancy/tenant.ts';
import { lowerCaseAscii } from '../../../domain/email.ts';
import { parseClientId, parseProjectId } from '../../../domain/ids.ts';
import { parseNetwork } from '../../../domain/networks.ts';
import { STATUSES } from '../../../domain/status.ts';
import { SURFACES } from '../../../domain/surface.ts';
import type { NameRegistry } from './name-registry.ts';
import {
  complete,
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
} from './read-fields.ts';
import { formatDuration } from '../duration.ts';
import type { ClientSpec, ProjectSpec } from '../tenants-file.ts';

const status = oneOf(STATUSES);
export const surfaceSet = setOf(oneOf(SURFACES));

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

export function readProjects(registry: NameRegistry, tenantTtlSeconds: number): Reader<readonly ProjectSpec[]> {
  return listOf((node, errors) => {
    const fields = Fields.open(node, 'a project', ['id', 'name', 'status', 'clients'], errors);
    if (fields === undefined) return undefined;
    const id = fields.required('id', idBy(parseProjectId), 'write its id, such as "id: shop"');
    if (id !== undefined) registry.declare('project', id, fields.place('id'), `project "${id}" appears twice`);
    return complete<ProjectSpec>({
      id,
      name: fields.optional('name', displayName, id),
      status: fields.optional('status', status, 'active'),
      clients: fields.optional('clients', readClients(registry, id ?? '', tenantTtlSeconds), []),
    });
  });
}

function readClients(
  registry: NameRegistry,
  projectId: string,
  tenantTtlSeconds: number,
): Reader<readonly ClientSpec[]> {
  return listOf((node, errors) => {
    const fields = Fields.open(
      node,
      'a client',
      ['id', 'status', 'policy', 'surfaces', 'audience', 'scopes', 'subjects', 'ttl'],
      errors,
    );
    if (fields === undefined) return undefined;
    const id = fields.required('id', idBy(parseClientId), 'write its id, such as "id: web"');
    if (
      id !== undefined &&
      registry.declare(`client of ${projectId}`, id, fields.place('id'), `client "${id}" appears twice in its project`)
    )
      registry.alias('client', id);
    const policy = fields.optional<ClientPolicy, ClientPolicy>('policy', readPolicy, { kind: 'confidential' });
    const surfaces = fields.required('surfaces', surfaceSet, 'list those that it may use: [user], [admin] or both');
    if (policy?.kind === 'secretless' && surfaces?.includes('admin') === true)
      errors.add(
        fields.place('surfaces'),
        'a secretless client may have the user surface only: write "surfaces: [user]"',
      );
    const ttlSeconds = fields.optional(
      'ttl',
      duration({ maxSeconds: tenantTtlSeconds, maxText: `the tenant's ttl, ${formatDuration(tenantTtlSeconds)}` }),
      undefined,
    );
    const client = complete<Omit<ClientSpec, 'ttlSeconds'>>({
      id,
      status: fields.optional('status', status, 'active'),
      policy,
      surfaces,
      audience: fields.optional('audience', exactText, projectId),
      scopes: fields.required(
        'scopes',
        wordOr('unbounded', setOf(grantName)),
        'list the scopes that its tokens may carry at most, or write "scopes: unbounded"',
      ),
      subjects: fields.required(
        'subjects',
        wordOr('any', readSubjects),
        'write "subjects: { domains: [...] }" for whom it may ask, or "subjects: any"',
      ),
    });
    return client === undefined ? undefined : { ...client, ttlSeconds };
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

/** Reads a restriction, or the word that explicitly says that there is none. */
export function wordOr<const Word extends string, T>(word: Word, read: Reader<T>): Reader<T | Word> {
  return (node, errors) => (node.kind === 'scalar' && node.value === word ? word : read(node, errors));
}
