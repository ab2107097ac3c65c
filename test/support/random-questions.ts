import fc from 'fast-check';
import { DOMAINS, type RandomClient, type RandomTenant } from './random-tenants.ts';

/** What a client may ask for, also of things that do not exist. */
export interface Question {
  readonly tenant: string;
  readonly project: string;
  readonly client: string;
  readonly surface: 'user' | 'admin';
  readonly email: string;
}

/** Mostly of things that exist in the tenant. */
export const questionsOf = (world: readonly RandomTenant[]): fc.Arbitrary<Question> =>
  fc.tuple(fc.constantFrom(...world), fc.constantFrom('user', 'user', 'admin')).chain(([tenant, surface]) => {
    const subjects = surface === 'user' ? tenant.users : tenant.admins;
    const invented = ['ann', 'ben', 'a-gil', 'nobody'].map((name) => `${name}@${DOMAINS[0]}`);
    return fc.record<Question>({
      tenant: mostly(tenant.id, 'nobody'),
      project: mostly(fc.constantFrom('shop', 'desk'), 'nothing'),
      client: mostly(fc.constantFrom('web', 'app'), 'none'),
      surface: fc.constant(surface),
      email: mostly(fc.constantFrom(...subjects.map(({ email }) => email)), ...invented),
    });
  });

function mostly<T>(usual: T | fc.Arbitrary<T>, ...rare: T[]): fc.Arbitrary<T> {
  const arbitrary = usual instanceof fc.Arbitrary ? usual : fc.constant(usual);
  return fc.oneof({ weight: 12, arbitrary }, fc.constantFrom(...rare));
}

/** The client that the question names; undefined if there is none. */
export function clientOf(
  world: readonly RandomTenant[],
  { tenant, project, client }: Pick<Question, 'tenant' | 'project' | 'client'>,
): RandomClient | undefined {
  return world
    .find(({ id }) => id === tenant)
    ?.projects.find(({ id }) => id === project)
    ?.clients.find(({ id }) => id === client);
}

/** Where each scope comes from, by what the file says. */
export function pathsIn(world: readonly RandomTenant[], { tenant, surface, email }: Question): object[] {
  const found = world.find(({ id }) => id === tenant)!;
  const isAsked = (one: { readonly email: string }) => one.email.toLowerCase() === email.toLowerCase();
  if (surface === 'admin')
    return (found.admins.find(isAsked)?.scopes ?? []).map((scope) => ({ scope, role: null, group: undefined }));
  const user = found.users.find(isAsked);
  const scopesOf = (role: string) => found.roles.find(({ name }) => name === role)?.scopes ?? [];
  const rolesOf = (group: string) => found.groups.find(({ name }) => name === group)?.roles ?? [];
  return [
    ...(user?.roles ?? []).flatMap((role) => scopesOf(role).map((scope) => ({ scope, role, group: undefined }))),
    ...(user?.groups ?? []).flatMap((group) =>
      rolesOf(group).flatMap((role) => scopesOf(role).map((scope) => ({ scope, role, group }))),
    ),
  ];
}
