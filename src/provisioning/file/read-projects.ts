import type { ClientPolicy } from '../../tenancy/tenant.ts';
import { lowerCaseAscii } from '../../domain/email.ts';
import { parseClientId, parseProjectId } from '../../domain/ids.ts';
import { parseNetwork } from '../../domain/networks.ts';
import { STATUSES } from '../../domain/status.ts';
import { SURFACES } from '../../domain/surface.ts';
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
import { formatDuration } from './duration.ts';
import type { ClientSpec, ProjectSpec } from './tenants-file.ts';

const status = oneOf(STATUSES);
export const surfaceSet = setOf(oneOf(SURFACES));

export const domainSet = setOf(
  matching(
    (text) => (/^(?=.{1,253}$)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/.test(text) ? lowerCaseAscii(text) : undefined),
    'a domain in ASCII, without "@" and "*"',
  ),
  { items: 1 },
);

// A block of everything is refused: that would be no policy but the lack of one.
const networkSet = setOf(
  matching(
    (text) => (text.includes('/') && (parseNetwork(text)?.prefix ?? 0) > 0 ? text : undefined),
    'a CIDR block such as 10.0.0.0/8 or fd00::/8, without bits behind the prefix and not /0',
  ),
  { items: 1 },
);

export function readProjects(book: NameRegistry, tenantTtlSeconds: number): Reader<readonly ProjectSpec[]> {
  return listOf((node, faults) => {
    const fields = Fields.open(node, 'a project', ['id', 'name', 'status', 'clients'], faults);
    if (fields === undefined) return undefined;
    const id = fields.required('id', idBy(parseProjectId), 'write its id, such as "id: shop"');
    if (id !== undefined) book.declare('project', id, fields.place('id'), `project "${id}" stands twice`);
    return complete<ProjectSpec>({
      id,
      name: fields.optional('name', displayName, id),
      status: fields.optional('status', status, 'active'),
      clients: fields.optional('clients', readClients(book, id ?? '', tenantTtlSeconds), []),
    });
  });
}

function readClients(book: NameRegistry, projectId: string, tenantTtlSeconds: number): Reader<readonly ClientSpec[]> {
  return listOf((node, faults) => {
    const fields = Fields.open(
      node,
      'a client',
      ['id', 'status', 'policy', 'surfaces', 'audience', 'scopes', 'subjects', 'ttl'],
      faults,
    );
    if (fields === undefined) return undefined;
    const id = fields.required('id', idBy(parseClientId), 'write its id, such as "id: web"');
    if (
      id !== undefined &&
      book.declare(`client of ${projectId}`, id, fields.place('id'), `client "${id}" stands twice in its project`)
    )
      book.alias('client', id);
    const policy = fields.optional<ClientPolicy, ClientPolicy>('policy', readPolicy, { kind: 'confidential' });
    const surfaces = fields.required('surfaces', surfaceSet, 'list those that it may use: [user], [admin] or both');
    if (policy?.kind === 'secretless' && surfaces?.includes('admin') === true)
      faults.add(
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

const readPolicy: Reader<ClientPolicy> = (node, faults) => {
  if (node.kind !== 'map') {
    const confidential = node.kind === 'scalar' && node.value === 'confidential';
    if (confidential) return { kind: 'confidential' };
    faults.add(node.at, 'must be "confidential" or { secretless: { networks: [...] } }');
    return undefined;
  }
  const secretless = Fields.open(node, 'a policy', ['secretless'], faults)?.required(
    'secretless',
    (inner) =>
      Fields.open(inner, 'secretless', ['networks'], faults)?.required(
        'networks',
        networkSet,
        'list the CIDR blocks that the client may ask from without a secret',
      ),
    'write "policy: confidential", or { secretless: { networks: [...] } }',
  );
  return secretless === undefined ? undefined : { kind: 'secretless', networks: secretless };
};

const readSubjects: Reader<{ readonly domains: readonly string[] }> = (node, faults) => {
  const fields = Fields.open(node, 'subjects', ['domains'], faults);
  const domains = fields?.required('domains', domainSet, 'list the e-mail domains, or write "subjects: any"');
  return domains === undefined ? undefined : { domains };
};

/** A bound, or the word that says in writing that there is none. */
export function wordOr<const Word extends string, T>(word: Word, read: Reader<T>): Reader<T | Word> {
  return (node, faults) => (node.kind === 'scalar' && node.value === word ? word : read(node, faults));
}
