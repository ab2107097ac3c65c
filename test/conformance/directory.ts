import {
  type DirectoryChanges,
  EMPTY_DIRECTORY,
  type DirectoryState,
  type User,
} from '../../src/directory/provisioning/directory-state.ts';
import { DirectoryOpener } from '../../src/directory/provisioning/directory.opener.ts';
import type { DirectoryWriter } from '../../src/directory/provisioning/directory.writer.ts';
import { directorySchema } from '../../src/directory/provisioning/directory.schema.ts';
import { expectedTables } from '../../src/database/drift/expected-tables.ts';
import { findDrift } from '../../src/database/drift/find-drift.ts';
import type { Database } from '../../src/database/database.ts';
import { NO_ENTITIES, type Schema } from '../../src/database/schema.ts';
import { PLAIN_RELATIONS, PREFIXED_RELATIONS } from '../../src/tenancy/relations/directory-relations.ts';
import { UserDirectory } from '../../src/directory/user.directory.ts';
import { TenantConnections } from '../../src/tenancy/tenant-connections.ts';
import { TenantDatabaseOpener } from '../../src/tenancy/tenant-database.ts';
import type { Tenant, TenantDatabase } from '../../src/tenancy/tenant.ts';
import type { VaultService } from '../../src/vault/vault.service.ts';
import { SystemClock } from '../../src/domain/clock.ts';
import { parseEmail } from '../../src/domain/email.ts';
import { refusalOf } from '../../src/testing/refusal.ts';
import { SIMILAR_SUBS, UNLINKABLE_SUBS } from './similar-subs.ts';
import { storageConfig, storedTenant } from '../../src/testing/storage.ts';

export interface DirectoriesUnderTest {
  readonly dataDirectory: string;
  /** Knows the credentials of each tenant that `newDatabase` made. */
  readonly vault: VaultService;
  /** An empty database for the tenant, or an address where none exists yet. */
  newDatabase(tenantId: string): Promise<TenantDatabase>;
  /** Runs a statement in a tenant's database directly, like its operator. */
  byHand(tenant: Tenant, statement: string): Promise<void>;
  /** Opens a tenant's database with any schema. */
  openDatabase(tenant: Tenant, schema: Schema): Promise<Database>;
  close(): Promise<void>;
}

const NO_CHANGES: DirectoryChanges = {
  before: EMPTY_DIRECTORY,
  scopes: { put: [], remove: [] },
  roles: { put: [], remove: [] },
  groups: { put: [], remove: [] },
  users: { put: [], remove: [] },
};

const ADA: User = {
  id: 'u-ada',
  email: 'Ada@Acme.example',
  status: 'active',
  roles: ['auditor'],
  groups: ['sales', 'all'],
  identities: [{ issuer: 'https://idp.example.com/realms/acme', sub: '248289761001' }],
};
const BOB: User = { id: 'u-bob', email: 'bob@acme.example', status: 'disabled', roles: [], groups: [], identities: [] };

const STATE: DirectoryState = {
  scopes: [
    { name: 'orders:read', resource: 'orders' },
    { name: 'orders:write', resource: 'orders' },
    { name: 'reports:read', resource: undefined },
  ],
  roles: [
    { name: 'auditor', scopes: ['reports:read'] },
    { name: 'manager', scopes: ['orders:read', 'orders:write'] },
    { name: 'nobody', scopes: [] },
  ],
  groups: [
    { name: 'all', roles: [] },
    { name: 'sales', roles: ['auditor', 'manager'] },
  ],
  users: [{ ...ADA, groups: ['all', 'sales'] }, BOB],
};

const LINKED = { issuer: 'https://idp.example.com/realms/acme' };

const MIGRATIONS = ['PrefixedDirectory1764000000011', 'LinkedSubjects1764000000012'];

/** The behavior of a tenant's directory on one kind of database. It must be the same on each. */
export function directoryConformance(kind: string, start: () => Promise<DirectoriesUnderTest>): void {
  describe(`a directory on ${kind}`, () => {
    let stores: DirectoriesUnderTest;
    let opener: DirectoryOpener;
    let connections: TenantConnections;
    let users: UserDirectory;
    let count = 0;
    const open: DirectoryWriter[] = [];

    beforeAll(async () => {
      stores = await start();
      const config = storageConfig(stores.dataDirectory);
      opener = new DirectoryOpener(config, stores.vault);
      const databases = new TenantDatabaseOpener(config, stores.vault, new SystemClock());
      connections = new TenantConnections(databases, new SystemClock(), config);
      users = new UserDirectory(connections);
    });
    afterEach(async () => {
      for (const writer of open.splice(0)) await writer.close();
    });
    afterAll(async () => {
      await connections.close();
      await stores.close();
    });

    /** A tenant that no other test uses. */
    async function newTenant(): Promise<Tenant> {
      const id = `t${(count += 1)}`;
      return storedTenant(id, { database: await stores.newDatabase(id) });
    }
    async function openDirectory(tenant: Pick<Tenant, 'id' | 'database' | 'directory'>): Promise<DirectoryWriter> {
      const writer = await opener.open(tenant);
      open.push(writer);
      return writer;
    }
    async function newDirectory(state: DirectoryState = STATE) {
      const tenant = await newTenant();
      const writer = await openDirectory(tenant);
      await writer.migrate();
      await writer.apply(allOf(state));
      return { tenant, writer };
    }
    const byEmail = (tenant: Tenant, email: string) => users.findByEmail(tenant, parseEmail(email)!.canonical);

    async function inDatabase<T>(tenant: Tenant, schema: Schema, work: (database: Database) => Promise<T>): Promise<T> {
      const database = await stores.openDatabase(tenant, schema);
      try {
        return await work(database);
      } finally {
        await database.close();
      }
    }
    /** The names of all tables and views, sorted. */
    const relationsOf = (tenant: Tenant) =>
      inDatabase(tenant, NO_ENTITIES, async (database) => {
        const rows = await database.query(
          database.kind === 'sqlite'
            ? "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
            : 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()',
        );
        return rows.map((row) => String(row['name'])).sort();
      });
    const makeAsEarlierVersions = (tenant: Tenant) =>
      inDatabase(tenant, directorySchema(PLAIN_RELATIONS), async (database) => {
        await database.runMigrations();
        await stores.byHand(tenant, `INSERT INTO tessera_owner (tenant_id) VALUES ('${tenant.id}')`);
      });

    describe('when provisioned', () => {
      it('is created, migrated once, and empty', async () => {
        const writer = await openDirectory(await newTenant());
        expect(await writer.pendingMigrations()).toEqual(MIGRATIONS);
        expect(await writer.migrate()).toEqual(MIGRATIONS);
        expect(await writer.migrate()).toEqual([]);
        expect(await writer.read()).toEqual({ scopes: [], roles: [], groups: [], users: [] });
      });

      it('is migrated by one of two concurrent processes', async () => {
        const tenant = await newTenant();
        const both = [await openDirectory(tenant), await openDirectory(tenant)];
        const migrated = await Promise.all(both.map((writer) => writer.migrate()));
        expect(migrated.flat()).toEqual(MIGRATIONS);
      });

      it('resumes a migration that was killed half-way', async () => {
        const { tenant, writer } = await newDirectory();
        await stores.byHand(tenant, 'DELETE FROM tessera_migrations');
        await stores.byHand(tenant, 'DROP TABLE tessera_user_roles');
        expect(await writer.migrate()).toEqual(MIGRATIONS);
        expect((await writer.read()).users.map(({ id }) => id)).toEqual(['u-ada', 'u-bob']);
      });

      it('reads back what was written', async () => {
        const { writer } = await newDirectory();
        expect(await writer.read()).toEqual(STATE);
      });

      it('changes nothing when the same is written again', async () => {
        const { writer } = await newDirectory();
        await writer.apply(allOf(STATE, STATE));
        expect(await writer.read()).toEqual(STATE);
      });

      it('replaces the links of written objects and keeps those of the others', async () => {
        const { writer } = await newDirectory();
        await writer.apply(changesOf({ roles: { put: [{ name: 'manager', scopes: ['orders:read'] }], remove: [] } }));
        expect(await writer.read()).toEqual({
          ...STATE,
          roles: [STATE.roles[0], { name: 'manager', scopes: ['orders:read'] }, STATE.roles[2]],
        });
      });

      it('removes the links of removed objects', async () => {
        const { writer } = await newDirectory();
        await writer.apply(
          changesOf({
            scopes: { put: [], remove: ['orders:write'] },
            roles: { put: [], remove: ['auditor'] },
            groups: { put: [], remove: ['all'] },
            users: { put: [], remove: ['u-bob'] },
          }),
        );
        expect(await writer.read()).toEqual({
          scopes: [STATE.scopes[0], STATE.scopes[2]],
          roles: [{ name: 'manager', scopes: ['orders:read'] }, STATE.roles[2]],
          groups: [{ name: 'sales', roles: ['manager'] }],
          users: [{ ...ADA, roles: [], groups: ['sales'] }],
        });
      });

      it('lets two users swap their addresses', async () => {
        const { tenant, writer } = await newDirectory();
        const put = [
          { ...ADA, email: BOB.email },
          { ...BOB, email: ADA.email },
        ];
        await writer.apply(changesOf({ users: { put, remove: [] } }));
        expect((await byEmail(tenant, BOB.email))?.id).toBe('u-ada');
        expect((await byEmail(tenant, ADA.email))?.id).toBe('u-bob');
      });

      describe('that SQL changed after it was read', () => {
        const changes = changesOf({
          scopes: { put: [{ name: 'orders:read', resource: 'books' }], remove: [] },
          roles: { put: [{ name: 'new', scopes: [] }], remove: ['manager'] },
          groups: { put: [{ name: 'sales', roles: [] }], remove: [] },
          users: { put: [{ ...BOB, status: 'active' }], remove: ['u-ada'] },
        });

        it.each([
          ['user', 'u-bob', "INSERT INTO tessera_user_roles (user_id, role_name) VALUES ('u-bob', 'nobody')"],
          [
            'user',
            'u-bob',
            "UPDATE tessera_users SET status = 'locked', email = 'rob@acme.example' WHERE id = 'u-bob'",
          ],
          ['user', 'u-bob', "DELETE FROM tessera_users WHERE id = 'u-bob'"],
          ['user', 'u-ada', "UPDATE tessera_users SET status = 'disabled' WHERE id = 'u-ada'"],
          ['user', 'u-ada', "DELETE FROM tessera_user_group_members WHERE group_name = 'all'"],
          ['user', 'u-ada', "UPDATE tessera_user_identities SET sub = 'other'"],
          ['group', 'sales', "DELETE FROM tessera_user_group_roles WHERE role_name = 'auditor'"],
          ['role', 'manager', "DELETE FROM tessera_role_scopes WHERE scope_name = 'orders:write'"],
          ['role', 'new', "INSERT INTO tessera_roles (name) VALUES ('new')"],
          ['scope', 'orders:read', "UPDATE tessera_scopes SET resource = NULL WHERE name = 'orders:read'"],
        ])('is not changed: %s %s, %s', async (kind, name, statement) => {
          const { tenant, writer } = await newDirectory();
          await stores.byHand(tenant, statement);
          const changed = await writer.read();
          const attempt = writer.apply(changes, () => Promise.reject(new Error('nothing may be written')));
          await expect(attempt).rejects.toThrow(
            `${kind} ${tenant.id}/${name} was changed in the tenant's database while this ran. Nothing was changed there: run the command again.`,
          );
          expect(await writer.read()).toEqual(changed);
        });

        it('is changed when that was about other entries', async () => {
          const { tenant, writer } = await newDirectory();
          await stores.byHand(
            tenant,
            "INSERT INTO tessera_role_scopes (role_name, scope_name) VALUES ('nobody', 'reports:read')",
          );
          await writer.apply(changes);
          expect((await writer.read()).roles).toEqual([
            { name: 'auditor', scopes: ['reports:read'] },
            { name: 'new', scopes: [] },
            { name: 'nobody', scopes: ['reports:read'] },
          ]);
        });
      });

      it('changes nothing when one of the changes is impossible', async () => {
        const { writer } = await newDirectory();
        const impossible = { ...BOB, roles: ['no-such-role'] };
        await refusalOf(writer.apply(changesOf({ users: { put: [impossible], remove: ['u-ada'] } })));
        expect(await writer.read()).toEqual(STATE);
      });

      it('refuses two users with one address in two writings', async () => {
        const { writer } = await newDirectory();
        const twin = { ...BOB, id: 'u-twin', email: 'ADA@ACME.EXAMPLE' };
        const refusal = await refusalOf(writer.apply(changesOf({ users: { put: [twin], remove: [] } })));
        expect(refusal.reason).toBe('tenant database: constraint violated');
      });

      it('holds more users than one statement takes', async () => {
        const many = Array.from({ length: 1201 }, (_, number) => ({
          ...BOB,
          id: `u-${String(number).padStart(5, '0')}`,
          email: `user${number}@acme.example`,
          roles: ['auditor'],
        }));
        const { writer } = await newDirectory({ ...STATE, users: many });
        expect((await writer.read()).users).toEqual(many);
      });
    });

    describe('when tables or views of others have its names', () => {
      it.each([
        [
          'a table of users',
          'CREATE TABLE tessera_users (id INTEGER PRIMARY KEY, email VARCHAR(255))',
          'tessera_users',
        ],
        ['a view of users', 'CREATE VIEW tessera_users AS SELECT 1 AS id', 'tessera_users'],
        ['a list of migrations', 'CREATE TABLE tessera_migrations (version INTEGER)', 'tessera_migrations'],
        ['an owner', 'CREATE TABLE tessera_owner (id INTEGER, tenant_id VARCHAR(64))', 'tessera_owner'],
      ])('refuses %s before it creates the first table, also when it only looks', async (_, statement, name) => {
        const tenant = await newTenant();
        const writer = await openDirectory(tenant);
        await stores.byHand(tenant, statement);
        const message = new RegExp(`already has ${name}, which Tessera did not make. Nothing was changed`);
        await expect(writer.pendingMigrations()).rejects.toThrow(message);
        await expect(writer.migrate()).rejects.toThrow(message);
        await stores.byHand(tenant, statement.replace(/^CREATE (TABLE|VIEW) (\w+).*$/s, 'DROP $1 $2'));
        expect(await relationsOf(tenant)).toEqual([]);
      });

      it('takes its own names beside those that an application usually has', async () => {
        const tenant = await newTenant();
        const writer = await openDirectory(tenant);
        for (const table of ['users', 'roles', 'user_roles', 'scopes', 'migrations'])
          await stores.byHand(tenant, `CREATE TABLE ${table} (id INTEGER PRIMARY KEY)`);
        await writer.migrate();
        await writer.apply(allOf(STATE));
        expect(await writer.read()).toEqual(STATE);
        expect((await byEmail(tenant, 'ada@acme.example'))?.id).toBe('u-ada');
      });
    });

    it.each([
      ['without a prefix', PLAIN_RELATIONS, '', 'PlainLinkedSubjects1764000000012'],
      ['with the prefix', PREFIXED_RELATIONS, 'tessera_', 'LinkedSubjects1764000000012'],
    ])('made by an earlier version %s, holds any sub after a migration', async (_, relations, prefix, migration) => {
      const tenant = await newTenant();
      await (await openDirectory(tenant)).close();
      const { migrations, ...schema } = directorySchema(relations);
      await inDatabase(tenant, { ...schema, migrations: migrations.slice(0, 1) }, (database) =>
        database.runMigrations(),
      );
      for (const statement of [
        `INSERT INTO tessera_owner (tenant_id) VALUES ('${tenant.id}')`,
        `INSERT INTO ${prefix}users (id, email, email_canonical, status) VALUES ('u-ivy', 'ivy@acme.example', 'ivy@acme.example', 'active')`,
        `INSERT INTO ${prefix}user_identities (issuer, sub, user_id) VALUES ('${LINKED.issuer}', 'e', 'u-ivy')`,
      ])
        await stores.byHand(tenant, statement);
      const find = async (sub: string) => (await users.findByIdentity(tenant, LINKED.issuer, sub))?.id;
      // A server of this version, before the migration.
      expect([await find('e'), await find('\u00e9'), await find('e ')]).toEqual(['u-ivy', undefined, undefined]);
      const writer = await openDirectory(tenant);
      expect(await writer.pendingMigrations()).toEqual([migration]);
      expect(await writer.migrate()).toEqual([migration]);
      // Again, over what a killed run left.
      await stores.byHand(tenant, `DELETE FROM tessera_migrations WHERE name = '${migration}'`);
      expect(await writer.migrate()).toEqual([migration]);
      const [ivy] = (await writer.read()).users as [User];
      const links = ['e', 'e ', '\u00e9', '\u{1f600}'.repeat(255)].map((sub) => ({ issuer: LINKED.issuer, sub }));
      const state = await writer.read();
      await writer.apply(changesOf({ users: { put: [{ ...ivy, identities: links }], remove: [] } }, state));
      for (const { sub } of links) expect(await find(sub)).toBe('u-ivy');
      expect(await find('\u00e8')).toBeUndefined();
      const found = await inDatabase(tenant, NO_ENTITIES, async (database) =>
        findDrift(
          database.kind,
          (sql, parameters) => database.query(sql, parameters),
          await expectedTables(directorySchema(relations), database.kind),
        ),
      );
      expect(found).toEqual([]);
    });

    it('made by an earlier version, keeps its tables without a prefix', async () => {
      const tenant = await newTenant();
      await (await openDirectory(tenant)).close();
      await makeAsEarlierVersions(tenant);
      const writer = await openDirectory(tenant);
      expect(await writer.pendingMigrations()).toEqual([]);
      await writer.apply(allOf(STATE));
      expect(await writer.read()).toEqual(STATE);
      expect((await byEmail(tenant, 'ada@acme.example'))?.roles).toEqual(['auditor', 'manager']);
      await stores.byHand(tenant, "UPDATE users SET status = 'disabled' WHERE id = 'u-ada'");
      expect((await byEmail(tenant, 'ada@acme.example'))?.status).toBe('disabled');
      expect((await relationsOf(tenant)).filter((name) => name.startsWith('tessera_'))).toEqual([
        'tessera_migrations',
        'tessera_owner',
      ]);
    });

    describe("when asked for a user's grants", () => {
      it('gives roles directly and through groups, the scopes of those roles and their resources, without duplicates', async () => {
        const { tenant } = await newDirectory();
        expect(await byEmail(tenant, 'ada@acme.example')).toEqual({
          id: 'u-ada',
          email: 'Ada@Acme.example',
          status: 'active',
          roles: ['auditor', 'manager'],
          groups: ['all', 'sales'],
          scopes: STATE.scopes,
        });
      });

      it('gives a user without any grants empty lists', async () => {
        const { tenant } = await newDirectory();
        expect(await byEmail(tenant, 'bob@acme.example')).toEqual({
          id: 'u-bob',
          email: 'bob@acme.example',
          status: 'disabled',
          roles: [],
          groups: [],
          scopes: [],
        });
      });

      it('finds nobody in an empty directory', async () => {
        const { tenant } = await newDirectory({ scopes: [], roles: [], groups: [], users: [] });
        expect(await byEmail(tenant, 'ada@acme.example')).toBeUndefined();
      });

      it('sees at once what the operator of the database changed', async () => {
        const { tenant } = await newDirectory();
        await byEmail(tenant, 'bob@acme.example');
        await stores.byHand(tenant, "INSERT INTO tessera_user_roles (user_id, role_name) VALUES ('u-bob', 'manager')");
        expect((await byEmail(tenant, 'bob@acme.example'))?.roles).toEqual(['manager']);
      });

      it.each(['ACTIVE', 'active ', '', 'locked'])(
        'takes the status %j, written by hand, as disabled',
        async (status) => {
          const { tenant } = await newDirectory();
          await stores.byHand(tenant, `UPDATE tessera_users SET status = '${status}' WHERE id = 'u-ada'`);
          expect((await byEmail(tenant, 'ada@acme.example'))?.status).toBe('disabled');
        },
      );
    });

    describe('when it distinguishes people', () => {
      // Written directly, without the parser: the database's collation must not make one address match another.
      it.each([
        ['another case', 'ADA2@acme.example'],
        ['a trailing space', 'ada2@acme.example '],
        ['an accent', 'áda2@acme.example'],
        ['the Kelvin sign', '\u212ada2@acme.example'],
      ])('an address with %s in the canonical column is nobody', async (_, written) => {
        const { tenant } = await newDirectory();
        // MySQL refuses non-ASCII text in that column. That is as good as not finding it.
        await stores
          .byHand(
            tenant,
            `INSERT INTO tessera_users (id, email, email_canonical, status) VALUES ('u-x', 'x', '${written}', 'active')`,
          )
          .catch(() => undefined);
        expect(await byEmail(tenant, 'ada2@acme.example')).toBeUndefined();
      });

      it('finds one person in any ASCII case', async () => {
        const { tenant } = await newDirectory();
        for (const writing of ['ada@acme.example', 'ADA@acme.EXAMPLE', 'Ada@Acme.example'])
          expect((await byEmail(tenant, writing))?.id).toBe('u-ada');
      });

      it.each([
        'ad_@acme.example',
        'ad%@acme.example',
        'ada*@acme.example',
        "'or'1'='1@acme.example",
        'ada@acme.example.evil',
      ])('takes %s as an address and not as a pattern', async (address) => {
        const { tenant } = await newDirectory();
        expect(await byEmail(tenant, address)).toBeUndefined();
      });

      it('finds a user by id, exactly', async () => {
        const { tenant } = await newDirectory();
        expect((await users.findById(tenant, 'u-ada'))?.roles).toEqual(['auditor', 'manager']);
        for (const id of ['U-ada', 'u-ada ', 'u-ad_', 'u-ad%', 'u-gone', ''])
          expect(await users.findById(tenant, id)).toBeUndefined();
      });

      it('finds a linked identity by issuer and sub, both exact', async () => {
        const { tenant } = await newDirectory();
        const [{ issuer, sub }] = ADA.identities as [{ issuer: string; sub: string }];
        expect((await users.findByIdentity(tenant, issuer, sub))?.id).toBe('u-ada');
        for (const other of [`${issuer}/`, issuer.toUpperCase(), `${issuer} `, 'https://idp.example.org/realms/acme'])
          expect(await users.findByIdentity(tenant, other, sub)).toBeUndefined();
        for (const other of [`${sub} `, ` ${sub}`, `${sub}\u0000`, '２４８２８９７６１００１', sub.slice(1), ''])
          expect(await users.findByIdentity(tenant, issuer, other)).toBeUndefined();
      });

      it('keeps linked identities of any script apart, byte by byte', async () => {
        const linked = SIMILAR_SUBS.map((sub, index): User => {
          const [id, email] = [`u-${index}`, `u-${index}@acme.example`];
          return { ...BOB, id, email, identities: [{ issuer: LINKED.issuer, sub }] };
        });
        const { tenant, writer } = await newDirectory({ ...EMPTY_DIRECTORY, users: linked });
        const read = (await writer.read()).users;
        expect(read.toSorted((a, b) => Number(a.id.slice(2)) - Number(b.id.slice(2)))).toEqual(linked);
        for (const [index, sub] of SIMILAR_SUBS.entries())
          expect((await users.findByIdentity(tenant, LINKED.issuer, sub))?.id).toBe(`u-${index}`);
        for (const sub of [...UNLINKABLE_SUBS, 'E', 'b', 'e ', '\u00e8'])
          expect(await users.findByIdentity(tenant, LINKED.issuer, sub)).toBeUndefined();
      });

      it('finds nobody by a canonical form that is not that of the address', async () => {
        const { tenant } = await newDirectory();
        await stores.byHand(tenant, "UPDATE tessera_users SET email = 'eve@evil.example' WHERE id = 'u-ada'");
        expect(await byEmail(tenant, 'ada@acme.example')).toBeUndefined();
        expect(await byEmail(tenant, 'eve@evil.example')).toBeUndefined();
      });

      it('gives nothing to a linked user whose address is none, who can still be disabled', async () => {
        const { tenant, writer } = await newDirectory();
        const [{ issuer, sub }] = ADA.identities as [{ issuer: string; sub: string }];
        await stores.byHand(
          tenant,
          "UPDATE tessera_users SET email = 'ada', email_canonical = 'ada' WHERE id = 'u-ada'",
        );
        expect((await refusalOf(users.findByIdentity(tenant, issuer, sub))).reason).toBe(
          'tenant database: holds an address that is not valid',
        );
        const state = await writer.read();
        const [ada] = state.users as [User];
        await writer.apply(changesOf({ users: { put: [{ ...ada, status: 'disabled' }], remove: [] } }, state));
        expect((await writer.read()).users[0]).toEqual({ ...ada, email: 'ada', status: 'disabled' });
      });

      it('keeps one sub at two issuers apart', async () => {
        const { tenant, writer } = await newDirectory();
        const put = [{ ...BOB, identities: [{ issuer: 'https://other.example', sub: '248289761001' }] }];
        await writer.apply(changesOf({ users: { put, remove: [] } }));
        expect((await users.findByIdentity(tenant, 'https://other.example', '248289761001'))?.id).toBe('u-bob');
      });
    });

    describe('that names another tenant', () => {
      it('is refused when a token is requested, also if the owner changed while it was open', async () => {
        const { tenant } = await newDirectory();
        await byEmail(tenant, 'ada@acme.example');
        await stores.byHand(tenant, "UPDATE tessera_owner SET tenant_id = 'other'");
        const refusal = await refusalOf(byEmail(tenant, 'ada@acme.example'));
        expect(refusal).toMatchObject({
          code: 'temporarily_unavailable',
          reason: 'tenant database: belongs to another tenant',
        });
        const linked = users.findByIdentity(tenant, 'https://idp.example.com/realms/acme', '248289761001');
        expect((await refusalOf(linked)).reason).toBe('tenant database: belongs to another tenant');
      });

      it('is refused when a token is requested if it names no tenant', async () => {
        const { tenant } = await newDirectory();
        await stores.byHand(tenant, 'DELETE FROM tessera_owner');
        expect((await refusalOf(byEmail(tenant, 'ada@acme.example'))).reason).toBe(
          'tenant database: belongs to no tenant',
        );
      });

      it('is refused by provisioning, and not touched', async () => {
        const { tenant, writer } = await newDirectory();
        await stores.byHand(tenant, "UPDATE tessera_owner SET tenant_id = 'other'");
        for (const attempt of [
          writer.migrate(),
          writer.read(),
          writer.apply(changesOf({ users: { put: [], remove: ['u-ada'] } })),
        ])
          expect((await refusalOf(attempt)).reason).toBe('tenant database: belongs to another tenant');
        await stores.byHand(tenant, `UPDATE tessera_owner SET tenant_id = '${tenant.id}'`);
        expect(await writer.read()).toEqual(STATE);
      });
    });

    it('without a database or schema is unavailable, never empty', async () => {
      const tenant = await newTenant();
      expect((await refusalOf(byEmail(tenant, 'ada@acme.example'))).code).toBe('temporarily_unavailable');
    });
  });
}

/** @param state the directory before the changes */
export function changesOf(
  some: Partial<Omit<DirectoryChanges, 'before'>>,
  state: DirectoryState = STATE,
): DirectoryChanges {
  const changes = { ...NO_CHANGES, ...some };
  const named = <T extends { readonly name: string }>(
    entries: readonly T[],
    { put, remove }: { readonly put: readonly { readonly name: string }[]; readonly remove: readonly string[] },
  ): T[] => entries.filter(({ name }) => remove.includes(name) || put.some((entry) => entry.name === name));
  const { put, remove } = changes.users;
  return {
    ...changes,
    before: {
      scopes: named(state.scopes, changes.scopes),
      roles: named(state.roles, changes.roles),
      groups: named(state.groups, changes.groups),
      users: state.users.filter(({ id }) => remove.includes(id) || put.some((user) => user.id === id)),
    },
  };
}

export function allOf({ scopes, roles, groups, users }: DirectoryState, before = EMPTY_DIRECTORY): DirectoryChanges {
  return {
    before,
    scopes: { put: scopes, remove: [] },
    roles: { put: roles, remove: [] },
    groups: { put: groups, remove: [] },
    users: { put: users, remove: [] },
  };
}
