import fc from 'fast-check';

/** What a tenants file says of a tenant, written out in full, so that applying another one leaves nothing of this. */
export interface RandomTenant {
  readonly id: string;
  readonly name: string;
  readonly status: 'active' | 'suspended';
  readonly database: { readonly driver: 'sqlite' };
  readonly tokens: { readonly alg: 'ES256' | 'EdDSA'; readonly ttl: string };
  readonly projects: readonly RandomProject[];
  readonly scopes: readonly { readonly name: string; readonly resource: string }[];
  readonly roles: readonly { readonly name: string; readonly scopes: readonly string[] }[];
  readonly groups: readonly { readonly name: string; readonly roles: readonly string[] }[];
  readonly users: readonly RandomUser[];
  readonly admins: readonly RandomAdministrator[];
}

interface RandomProject {
  readonly id: string;
  readonly name: string;
  readonly status: Status;
  readonly clients: readonly RandomClient[];
}

export interface RandomClient {
  readonly id: string;
  readonly status: Status;
  readonly policy: 'confidential' | { readonly secretless: { readonly networks: readonly string[] } };
  readonly surfaces: readonly string[];
  readonly scopes: 'unbounded' | readonly string[];
  readonly subjects: 'any' | { readonly domains: readonly string[] };
  readonly ttl: string;
}

export interface RandomUser {
  readonly id: string;
  readonly email: string;
  readonly status: Status;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
}

interface RandomAdministrator {
  readonly id: string;
  readonly email: string;
  readonly status: Status;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
}

type Status = 'active' | 'disabled';

const SCOPES = ['orders:read', 'orders:write', 'orders:delete', 'stock:read', 'stock:write'];
/** Together they make a token too large. */
const LONG_SCOPES = Array.from(
  { length: 100 },
  (_, index) => `archive:${String(index).padStart(3, '0')}:${'x'.repeat(80)}`,
);
const ROLES = ['viewer', 'manager', 'keeper'];
const GROUPS = ['sales', 'support'];
export const DOMAINS = ['acme.example', 'elsewhere.example'];

const mostly = <T>(usual: T, rare: T) => fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, fc.constant(rare));
const status = () => mostly<Status>('active', 'disabled');
const some = <T>(values: readonly T[]) => fc.subarray([...values]);

const client = (id: string) =>
  fc
    .record({
      id: fc.constant(id),
      status: status(),
      policy: mostly<RandomClient['policy']>('confidential', { secretless: { networks: ['127.0.0.0/8', '::1/128'] } }),
      surfaces: fc.subarray(['user', 'admin'], { minLength: 1 }),
      scopes: fc.oneof(fc.constant<'unbounded'>('unbounded'), some([...SCOPES, 'tenant:manage'])),
      subjects: fc.oneof(fc.constant<'any'>('any'), fc.record({ domains: fc.subarray(DOMAINS, { minLength: 1 }) })),
      ttl: fc.constantFrom('60s', '2m', '5m'),
    })
    // The file refuses a secretless client on the admin surface.
    .map((made): RandomClient => (made.policy === 'confidential' ? made : { ...made, surfaces: ['user'] }));

const user = (id: string, ...others: string[]) =>
  fc.record<RandomUser>({
    id: fc.constant(id),
    email: fc.tuple(fc.constantFrom(id, id.toUpperCase()), fc.constantFrom(...DOMAINS)).map((parts) => parts.join('@')),
    status: status(),
    roles: some(ROLES).map((roles) => [...roles, ...others]),
    groups: some(GROUPS),
  });

/** @param names the part of the address before the `@`; that of a user makes one address two subjects, one a surface */
const administrator = (id: string, ...names: string[]) =>
  fc.record<RandomAdministrator>({
    id: fc.constant(id),
    email: fc.tuple(fc.constantFrom(id, ...names), fc.constantFrom(...DOMAINS)).map((parts) => parts.join('@')),
    status: status(),
    roles: some(['tenant-admin', 'auditor']),
    scopes: some(['tenant:manage', 'audit:read']),
  });

const projects = fc.tuple(
  ...['shop', 'desk'].map((id) =>
    fc.record<RandomProject>({
      id: fc.constant(id),
      name: fc.constant(id),
      status: status(),
      clients: fc.tuple(...['web', 'app'].map(client)),
    }),
  ),
);

/** Tenants of the same ids each time, which differ in all else. */
export const randomTenants = (ids: readonly string[]): fc.Arbitrary<readonly RandomTenant[]> =>
  fc.tuple(
    ...ids.map((id) =>
      fc.record<RandomTenant>({
        id: fc.constant(id),
        name: fc.constant(id),
        status: mostly<RandomTenant['status']>('active', 'suspended'),
        database: fc.constant({ driver: 'sqlite' }),
        tokens: fc.constant({ alg: 'ES256', ttl: '5m' }),
        projects,
        scopes: fc.constant([...SCOPES, ...LONG_SCOPES].map((name) => ({ name, resource: name.split(':')[0]! }))),
        roles: fc
          .tuple(...ROLES.map((name) => some(SCOPES).map((scopes) => ({ name, scopes }))))
          .map((roles) => [...roles, { name: 'archivist', scopes: LONG_SCOPES }]),
        groups: fc.tuple(...GROUPS.map((name) => some(ROLES).map((roles) => ({ name, roles })))),
        users: fc.tuple(user('ann'), user('ben'), user('cem'), user('dee', 'archivist')),
        admins: fc.tuple(administrator('a-root', 'ann'), administrator('a-gil', 'ben')),
      }),
    ),
  );

/** The file as JSON, which is YAML. */
export function writeRandomTenants(tenants: readonly RandomTenant[]): string {
  return JSON.stringify({ apiVersion: 'tessera/v1', tenants }, null, 1);
}
