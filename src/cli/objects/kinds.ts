import {
  readGroups,
  readHolders,
  readRoles,
  readScopes,
  readUser,
  readUsersAfter,
} from '../../directory/provisioning/read-directory.ts';
import {
  adminDocument,
  clientDocument,
  type ObjectDocument,
  projectDocument,
  userDocument,
} from './object-documents.ts';
import type { PathKind } from './object-path.ts';
import type { TenantSource } from './tenant-source.ts';

/** The part of a long list that a command prints. */
export interface Page {
  readonly after: string | undefined;
  readonly limit: number;
}

export interface Kind {
  readonly plural: string;
  readonly singular: PathKind;
  /** What an operator calls them in a sentence. */
  readonly words: string;
  /** The members of the table. `show` prints all members. */
  readonly columns: readonly string[];
  /** Whether a directory may hold so many that `list` prints them page by page. */
  readonly isPaged?: true;
  /** @returns at most one more than the page has, so that the command knows whether there are more */
  list(source: TenantSource, page: Page): Promise<readonly ObjectDocument[]>;
  show(source: TenantSource, name: string): Promise<ObjectDocument | undefined>;
}

/** Names that `show` prints of a role's or a group's users. */
const MAX_USERS_SHOWN = 1000;

/** What a tenant consists of, one row each. The first four are in the control plane, the others in the tenant's own database. */
export const KINDS: readonly Kind[] = [
  {
    plural: 'projects',
    singular: 'project',
    words: 'the projects of a tenant',
    columns: ['id', 'name', 'status', 'clients'],
    list: ({ spec }) => Promise.resolve(spec.projects.map(projectDocument)),
    show: ({ spec }, name) => {
      const project = spec.projects.find(({ id }) => id === name);
      return Promise.resolve(project && projectDocument(project));
    },
  },
  {
    plural: 'clients',
    singular: 'client',
    words: 'the applications that request tokens of a tenant',
    columns: ['project_id', 'id', 'status', 'policy', 'surfaces', 'audience', 'scopes', 'subjects', 'ttl_seconds'],
    list: ({ spec }) =>
      Promise.resolve(
        spec.projects.flatMap((project) => project.clients.map((client) => clientDocument(project.id, client))),
      ),
    show: ({ spec }, name) => {
      const [projectId, clientId] = name.split('/');
      const project = spec.projects.find(({ id }) => id === projectId);
      const client = project?.clients.find(({ id }) => id === clientId);
      return Promise.resolve(project && client && clientDocument(project.id, client));
    },
  },
  {
    plural: 'admins',
    singular: 'admin',
    words: 'the administrators of a tenant',
    columns: ['id', 'email', 'status', 'roles', 'scopes'],
    list: ({ spec }) => Promise.resolve(spec.admins.map(adminDocument)),
    show: ({ spec, administratorId }, name) => {
      const admin = spec.admins.find(({ id }) => id === administratorId(name));
      return Promise.resolve(admin && adminDocument(admin));
    },
  },
  {
    plural: 'users',
    singular: 'user',
    words: 'the users of a tenant',
    columns: ['id', 'email', 'status', 'roles', 'groups'],
    isPaged: true,
    list: async ({ read }, { after, limit }) =>
      (await read((ask) => readUsersAfter(ask, after, limit + 1))).map(userDocument),
    show: async ({ read, userId }, name) => {
      const id = await userId(name);
      const user = id === undefined ? undefined : await read((ask) => readUser(ask, id));
      return user && userDocument(user);
    },
  },
  {
    plural: 'groups',
    singular: 'group',
    words: 'the groups of a tenant',
    columns: ['name', 'roles'],
    list: async ({ read }) => (await read(readGroups)).map(({ name, roles }) => ({ name, roles })),
    show: ({ read }, name) =>
      read(async (ask) => {
        const group = (await readGroups(ask)).find((one) => one.name === name);
        return group && { ...group, ...(await usersOf((limit) => readHolders(ask, 'group', name, limit))) };
      }),
  },
  {
    plural: 'roles',
    singular: 'role',
    words: 'the roles of a tenant',
    columns: ['name', 'scopes'],
    list: async ({ read }) => (await read(readRoles)).map(({ name, scopes }) => ({ name, scopes })),
    show: ({ read }, name) =>
      read(async (ask) => {
        const role = (await readRoles(ask)).find((one) => one.name === name);
        if (role === undefined) return undefined;
        const groups = (await readGroups(ask)).filter(({ roles }) => roles.includes(name)).map((group) => group.name);
        return { ...role, groups, ...(await usersOf((limit) => readHolders(ask, 'role', name, limit))) };
      }),
  },
  {
    plural: 'scopes',
    singular: 'scope',
    words: 'the scopes of a tenant',
    columns: ['name', 'resource'],
    list: async ({ read }) =>
      (await read(readScopes)).map(({ name, resource }) => ({ name, resource: resource ?? null })),
    show: ({ read }, name) =>
      read(async (ask) => {
        const scope = (await readScopes(ask)).find((one) => one.name === name);
        if (scope === undefined) return undefined;
        const roles = (await readRoles(ask)).filter(({ scopes }) => scopes.includes(name)).map((role) => role.name);
        return { name, resource: scope.resource ?? null, roles };
      }),
  },
];

/** `more_users` says that there are more than these. */
async function usersOf(read: (limit: number) => Promise<string[]>): Promise<{ users: string[]; more_users: boolean }> {
  const users = await read(MAX_USERS_SHOWN + 1);
  return { users: users.slice(0, MAX_USERS_SHOWN), more_users: users.length > MAX_USERS_SHOWN };
}
