import { SUBJECT_ID_LENGTH } from '../../../control-plane/entities/tenant.entity.ts';
import type { ProjectId } from '../../../domain/ids.ts';
import { serviceId } from '../../../domain/service-id.ts';
import { formatDuration } from '../../file/duration.ts';
import { memberName } from '../../file/member-names.ts';
import type { PartialTenant } from '../../file/partial-tenants-file.ts';
import type { ClientSpec, TenantSpec } from '../../file/tenants-file.ts';
import { authenticatesByAssertion } from '../assertion-clients.ts';
import { compare, type Compared } from '../compare.ts';
import { idOf } from '../merge-lists.ts';
import type { Faults } from '../thing.ts';

interface ComparedClient extends Compared<ClientSpec> {
  readonly projectId: ProjectId;
}

/** The clients of all projects after the apply. */
export function compareClients(written: PartialTenant, before: TenantSpec, after: TenantSpec): ComparedClient[] {
  return after.projects.flatMap((project) => {
    const said = written.projects?.find(({ id }) => id === project.id);
    const had = before.projects.find(({ id }) => id === project.id);
    return compare('clients', said?.clients, had?.clients ?? [], project.clients, idOf).map((client) => ({
      ...client,
      projectId: project.id,
    }));
  });
}

export function checkLifetime(
  { thing, after: client, wrote }: Compared<ClientSpec>,
  before: TenantSpec,
  after: TenantSpec,
  faults: Faults,
): void {
  const { ttlSeconds } = after.tokens;
  const isLonger = (client.ttlSeconds ?? 0) > ttlSeconds;
  if (isLonger && (wrote('ttlSeconds') || before.tokens.ttlSeconds !== ttlSeconds))
    faults.add(thing, 'ttl', `must be at most the tenant's ttl, ${formatDuration(ttlSeconds)}`);
}

const ASSERTING = ['keys', 'jwksUri', 'workload'] as const;

/** How the client authenticates, and what it may do that way. */
export function checkAuthentication({ thing, after: client, wrote }: Compared<ClientSpec>, faults: Faults): void {
  const isOpen = client.policy.kind === 'secretless' && client.surfaces.includes('admin');
  if (isOpen && (wrote('policy') || wrote('surfaces')))
    faults.add(thing, 'surfaces', 'a secretless client may have the user surface only: write "surfaces: [user]"');
  if (client.keys.length > 0 && client.jwksUri !== undefined && (wrote('keys') || wrote('jwksUri')))
    faults.add(
      thing,
      wrote('jwksUri') ? 'jwks_uri' : 'keys',
      'must not be beside the other of keys and jwks_uri: write "keys: []" or "jwks_uri: null"',
    );
  // A member that is written but undefined was invalid, which has been reported.
  const isReported = ASSERTING.some((member) => !wrote(member) && thing.place?.has(memberName(member)) === true);
  if (isReported || authenticatesByAssertion(client)) return;
  const dropped = ASSERTING.find((member) => wrote(member));
  if (client.policy.kind === 'assertion' && dropped !== undefined)
    faults.add(
      thing,
      memberName(dropped),
      'the client would have no way to authenticate: write "policy: confidential" for a secret, or keys, jwks_uri or workload',
    );
  if (client.policy.kind !== 'secretless') return;
  for (const member of ['exchange', 'service'] as const) {
    const isThere = member === 'exchange' ? client.exchange.length > 0 : client.service !== undefined;
    if (isThere && (wrote(member) || wrote('policy') || dropped !== undefined))
      faults.add(
        thing,
        member,
        'a secretless client cannot authenticate at the token endpoint: write keys, jwks_uri or workload, or "policy: confidential"',
      );
  }
}

/** Records and revocations hold the subject of a token, and have room for so many characters. */
export function checkServiceId({ thing, projectId, after: client, wrote }: ComparedClient, faults: Faults): void {
  const id = serviceId({ projectId, clientId: client.id });
  if (client.service !== undefined && wrote('service') && id.length > SUBJECT_ID_LENGTH)
    faults.add(
      thing,
      'service',
      `the "sub" of its tokens would be longer than ${SUBJECT_ID_LENGTH} characters, ${id}: give the project or the client a shorter id`,
    );
}

export function checkAudiences({ thing, after: client, wrote }: Compared<ClientSpec>, faults: Faults): void {
  const isTwice = client.audiences.includes(client.audience);
  if (isTwice && (wrote('audiences') || wrote('audience')))
    faults.add(
      thing,
      'audiences',
      `must not repeat the client's own audience, "${client.audience}", which it may always ask for: remove it`,
      client.audience,
    );
}
