import { parseTenantId } from '../../domain/ids.ts';
import { EMPTY_DIRECTORY } from '../../directory/provisioning/directory-state.ts';
import type { TenantSpec } from '../file/tenants-file.ts';
import { isAnythingIn, removedFrom, revocationsOf } from './removed.ts';
import { newTenantState, specFromState } from './tenant-state.ts';

const ACME = parseTenantId('acme')!;
const EMPTY = specFromState(newTenantState(ACME), EMPTY_DIRECTORY);
const person = (id: string) =>
  ({ id, email: '', status: 'active', roles: [], groups: [], scopes: [], identities: [] }) as const;
const revoked = (before: TenantSpec, after: TenantSpec): string[] =>
  revocationsOf(ACME, removedFrom(before, after), 1).map(({ kind, id }) => `${kind} ${id}`);

describe('the revocations for removed users', () => {
  it('leave out a staying administrator, and ids that no subject may have', () => {
    const ids = ['u-ada', 'a-root', 'a-gone', 'client:web', 'an id', 'ada@acme.example'];
    const before = { ...EMPTY, users: ids.map(person), admins: ['a-root', 'a-gone'].map(person) };
    expect(revoked(before, { ...EMPTY, admins: [person('a-root')] }).sort()).toEqual([
      'subject a-gone',
      'subject u-ada',
    ]);
  });

  it('do not grow to the whole tenant by rows that are no subjects', () => {
    const users = Array.from({ length: 200 }, (_, index) => person(`client:${index}`));
    expect(isAnythingIn(removedFrom({ ...EMPTY, users }, EMPTY))).toBe(false);
  });
});

describe('the revocations for removed clients', () => {
  const shop = (
    ...clients: readonly { readonly id: string; readonly service?: object; readonly exchange?: object[] }[]
  ) => ({
    ...EMPTY,
    projects: [
      { id: 'shop', clients: clients.map((client) => ({ exchange: [], ...client })) },
    ] as unknown as TenantSpec['projects'],
  });
  const service = { roles: [] };

  it('name a client once, which covers its tokens as a service', () => {
    const before = shop({ id: 'web' }, { id: 'billing', service });
    expect(revoked(before, shop())).toEqual(['client web', 'client billing']);
    expect(revoked(before, shop({ id: 'web' }, { id: 'billing', service: { roles: ['a'] } }))).toEqual([]);
  });

  it('are of the service alone when its client stays', () => {
    expect(revoked(shop({ id: 'billing', service }), shop({ id: 'billing' }))).toEqual(['subject client:shop/billing']);
    expect(revoked(shop({ id: 'billing' }), shop({ id: 'billing', service }))).toEqual([]);
  });

  it('cover what a client has exchanged when it may exchange nothing any more', () => {
    const [some, other] = [[{ to: 'a', scopes: 'subset' }], [{ to: 'b', scopes: 'subset' }]];
    const one = (exchange: object[]) => shop({ id: 'api', exchange });
    expect(revoked(one(some), one([]))).toEqual(['subject client:shop/api']);
    expect(revoked(one(some), one(other))).toEqual([]);
    expect(revoked(shop({ id: 'api', exchange: some, service }), one([]))).toEqual(['subject client:shop/api']);
  });
});

describe('the revocations for another directory', () => {
  const server = { driver: 'mysql', host: 'db', port: 3306, name: 'acme' } as const;
  const external = { ...EMPTY, database: server, directory: 'external' } as const;
  const managed = { ...EMPTY, database: server };

  it.each([
    ['its kind', managed, external],
    ['its kind, back', external, managed],
    ['its driver', EMPTY, managed],
    ['its name', managed, { ...managed, database: { ...server, name: 'other' } }],
  ])('are of the whole tenant when what changes is %s', (_, before, after) => {
    expect(revoked(before, { ...after, name: 'Acme' })).toEqual(['tenant *']);
    expect(isAnythingIn(removedFrom(before, after))).toBe(true);
    expect(isAnythingIn(removedFrom(before, { ...before, name: 'Acme' }))).toBe(false);
  });
});
