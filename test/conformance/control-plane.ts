import type { AuditRecord } from '../../src/audit/audit-record.ts';
import type { OneTimeProof } from '../../src/replay/replay-protection.ts';
import { AdministratorDirectory } from '../../src/directory/administrator.directory.ts';
import type { Administrator } from '../../src/directory/administrator.ts';
import { ClientRevocations } from '../../src/revocation/client-revocations.ts';
import { ControlPlaneAuditStore } from '../../src/audit/control-plane-audit.store.ts';
import type { ControlPlane } from '../../src/control-plane/control-plane.ts';
import { ControlPlaneWriter } from '../../src/provisioning/apply/control-plane.writer.ts';
import { readTenant } from '../../src/tenancy/read-tenant.ts';
import {
  type NewRevocation,
  type RevocationRecord,
  RevocationRecords,
} from '../../src/revocation/revocation-records.ts';
import { RedeemedTokens } from '../../src/replay/redeemed-tokens.ts';
import { SecretUseEntity } from '../../src/control-plane/entities/secret-use.entity.ts';
import { SecretUses } from '../../src/clients/secret-uses.ts';
import type { Client, Condition, Tenant, TenantFacts, Trust } from '../../src/tenancy/tenant.ts';
import { parseEmail } from '../../src/domain/email.ts';
import { parseClientId, parseProjectId, parseTenantId, parseTrustId } from '../../src/domain/ids.ts';
import { refusalOf } from '../../src/testing/refusal.ts';
import { SIMILAR_SUBS, UNLINKABLE_SUBS } from './similar-subs.ts';
import { collectingLog, ManualClock, tenantDraft, tenantId } from '../../src/testing/storage.ts';

export interface ControlPlaneUnderTest {
  readonly controlPlane: ControlPlane;
  /** Another process on the same database. */
  another(): ControlPlane;
  close(): Promise<void>;
}

/** The process does not end during a test. */
const running = new AbortController().signal;

const ROOT: Administrator = {
  id: 'a-root',
  email: 'Root@Acme.example',
  status: 'active',
  roles: ['tenant-admin'],
  scopes: ['tenant:manage', 'audit:read'],
  identities: [{ issuer: 'https://idp.example.com/realms/acme', sub: 'root-1' }],
};

const LINKED: Trust = {
  id: parseTrustId('corp')!,
  issuer: 'https://idp.example.com/realms/acme',
  jwksUri: undefined,
  audiences: ['tessera-acme'],
  algorithms: ['RS256'],
  keyUse: undefined,
  types: [],
  audienceClaim: undefined,
  azp: undefined,
  emailVerified: undefined,
  conditions: 'none',
  subject: { match: 'linked' },
  clients: [parseClientId('web')!],
  surfaces: ['user'],
  maxAgeSeconds: 600,
  maxLifetimeSeconds: 86_400,
};

const BY_CLAIM: Trust = { ...LINKED, id: parseTrustId('oid')!, subject: { match: 'linked', claim: 'oid' } };
const FIXED: Trust = { ...LINKED, id: parseTrustId('zone')!, subject: { match: 'user', id: 'u-deploy' } };

const BY_EMAIL: Trust = {
  ...LINKED,
  id: parseTrustId('mail')!,
  jwksUri: 'https://mail.example.com/keys',
  keyUse: 'jwt-svid',
  types: ['jose', 'okta-internal-at+jwt'],
  conditions: new Map<string, readonly (string | number | boolean)[]>([
    ['hd', ['acme.example', 'Ácme']],
    ['level', [2, true]],
  ]),
  subject: { match: 'email', domains: new Set(['acme.example']) },
};

const NARROWED: Trust = {
  ...LINKED,
  id: parseTrustId('pool')!,
  issuer: 'https://pool.example.com',
  audienceClaim: 'client_id',
  azp: ['android'],
  emailVerified: 'text_allowed',
  conditions: new Map<string, Condition>([
    ['/realm_access/roles', ['Ádmin', 7]],
    ['roles', { hasKey: 'Ádmin' }],
    ['scope', { contains: 'orders.read' }],
  ]),
};

/** The behavior of the control plane, on one kind of database. */
export function controlPlaneConformance(kind: string, start: () => Promise<ControlPlaneUnderTest>): void {
  describe(`the control plane on ${kind}`, () => {
    let store: ControlPlaneUnderTest;
    let controlPlane: ControlPlane;
    let writer: ControlPlaneWriter;

    beforeAll(async () => {
      store = await start();
      ({ controlPlane } = store);
      writer = new ControlPlaneWriter(controlPlane);
    });
    afterAll(async () => {
      await controlPlane.close();
      await store.close();
    });

    const read = (id: string) => controlPlane.snapshot((manager) => readTenant(manager, tenantId(id)));

    it('is migrated once when two processes try at the same time', async () => {
      expect(await controlPlane.pendingMigrations()).toEqual([]);
      expect(await controlPlane.migrate()).toEqual([]);
      await controlPlane.check();
      await controlPlane.assertSchema();
    });

    it('returns a tenant as it was saved', async () => {
      const secretless = {
        policy: { kind: 'secretless', networks: ['10.0.0.0/8', '::1/128'] },
        surfaces: ['user'],
        scopes: 'unbounded',
        subjects: 'any',
        ttlSeconds: undefined,
      } as const;
      const base = tenantDraft(
        'whole',
        { name: 'Ünïcode 🦉 Ltd', trusts: [LINKED, BY_EMAIL, BY_CLAIM, NARROWED, FIXED] },
        [ROOT],
      );
      const [shop] = [...base.tenant.projects.values()] as [NonNullable<ReturnType<typeof base.tenant.projects.get>>];
      const [web] = [...shop.clients.values()] as [NonNullable<ReturnType<typeof shop.clients.get>>];
      const batch = { ...web, ...secretless, id: parseClientId('batch')! };
      const billing: Client = {
        ...web,
        id: parseClientId('billing')!,
        policy: { kind: 'assertion' },
        audiences: ['reports', 'https://reports.example/api?x=Á'],
        receives: [],
        exchange: [
          { to: 'stock', scopes: 'subset' },
          { to: 'ledger', scopes: new Set(['orders:read', 'orders:write']) },
        ],
        service: { roles: ['biller'] },
        keys: [
          { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', kid: 'k1', alg: 'EdDSA' },
        ],
        jwksUri: 'https://billing.example/keys',
        workload: { issuer: LINKED.id, conditions: NARROWED.conditions as ReadonlyMap<string, Condition> },
      };
      const tenant: TenantFacts = {
        ...base.tenant,
        database: { driver: 'mysql', host: 'db1.example', port: 3307, name: 't_whole' },
        projects: new Map([
          [
            shop.id,
            {
              ...shop,
              clients: new Map([
                [batch.id, batch],
                [billing.id, billing],
                [web.id, web],
              ]),
            },
          ],
        ]),
      };
      const version = await writer.saveTenant({ ...base, tenant });
      const stored = { ...tenant, version, administratorIds: new Set([ROOT.id]) };
      expect(await read('whole')).toEqual(stored);
      const state = (await writer.readTenants()).find((other) => other.tenant.id === tenant.id);
      expect(state).toEqual({
        tenant: stored,
        administrators: [{ ...ROOT, scopes: ROOT.scopes, roles: ROOT.roles }],
      });
    });

    it('holds a client with more scopes than 64 KiB of text', async () => {
      const draft = tenantDraft('wide');
      const [shop] = [...draft.tenant.projects.values()] as [NonNullable<ReturnType<typeof draft.tenant.projects.get>>];
      const scopes = new Set(Array.from({ length: 2000 }, (_, number) => `scope-${number}-`.padEnd(100, 'x')));
      const clients = new Map([...shop.clients].map(([id, client]) => [id, { ...client, scopes }]));
      await writer.saveTenant({
        ...draft,
        tenant: { ...draft.tenant, projects: new Map([[shop.id, { ...shop, clients }]]) },
      });
      const project = (await read('wide'))?.projects.get(shop.id);
      expect(project?.clients.get(parseClientId('web')!)?.scopes).toEqual(scopes);
    });

    it('removes projects, clients and administrators that the next draft leaves out', async () => {
      await writer.saveTenant(tenantDraft('shrinks', {}, [ROOT]));
      await writer.saveTenant(tenantDraft('shrinks', { projects: new Map() }));
      const state = (await writer.readTenants()).find(({ tenant }) => tenant.id === 'shrinks');
      expect(state?.tenant.projects.size).toBe(0);
      expect(state?.administrators).toEqual([]);
    });

    it('changes nothing of the tenant when one part is impossible', async () => {
      await writer.saveTenant(tenantDraft('whole-or-not', {}, [ROOT]));
      const twice = [ROOT, { ...ROOT, id: 'a-other', identities: [] }];
      await expect(writer.saveTenant(tenantDraft('whole-or-not', { name: 'New' }, twice))).rejects.toMatchObject({
        reason: 'control database: constraint violated',
      });
      expect((await read('whole-or-not'))?.name).toBe('whole-or-not Ltd');
      const state = (await writer.readTenants()).find(({ tenant }) => tenant.id === 'whole-or-not');
      expect(state?.administrators).toEqual([ROOT]);
    });

    it('gives every change its own, higher version, also to writers in two processes at once', async () => {
      const other = store.another();
      try {
        const otherWriter = new ControlPlaneWriter(other);
        const versions = await Promise.all(
          Array.from({ length: 20 }, (_, number) =>
            (number % 2 === 0 ? writer : otherWriter).saveTenant(tenantDraft(`race-${number}`)),
          ),
        );
        expect(new Set(versions).size).toBe(20);
        const [row] = await controlPlane.query('SELECT value FROM change_sequence');
        expect(Number(row?.['value'])).toBe(Math.max(...versions));
      } finally {
        await other.close();
      }
    });

    it('leaves a tombstone, which only purge removes', async () => {
      const gone = tenantId('gone');
      await writer.saveTenant(tenantDraft('gone', {}, [ROOT]));
      await writer.removeTenant(gone, 1_800_000_000_123);
      expect(await read('gone')).toBeUndefined();
      expect(await writer.readTombstones()).toContainEqual({ tenantId: gone, removedAtMs: 1_800_000_000_123 });
      await writer.forgetTenant(gone);
      expect(await writer.readTombstones()).not.toContainEqual(expect.objectContaining({ tenantId: gone }));
    });

    it('does not purge a tenant that is not removed', async () => {
      await writer.saveTenant(tenantDraft('stays'));
      await writer.forgetTenant(tenantId('stays'));
      expect(await read('stays')).toBeDefined();
    });

    describe('as the directory of administrators', () => {
      const find = async (tenant: Tenant, email: string) =>
        new AdministratorDirectory(controlPlane).findByEmail(tenant, parseEmail(email)!.canonical);

      it('finds an administrator of the tenant with roles and scopes, and no group or resource', async () => {
        await writer.saveTenant(tenantDraft('admins', {}, [ROOT]));
        expect(await find((await read('admins'))!, 'root@acme.example')).toEqual({
          id: 'a-root',
          email: 'Root@Acme.example',
          status: 'active',
          roles: ['tenant-admin'],
          groups: [],
          scopes: [
            { name: 'audit:read', resource: undefined },
            { name: 'tenant:manage', resource: undefined },
          ],
        });
      });

      it('does not find an administrator of another tenant', async () => {
        await writer.saveTenant(tenantDraft('others', {}, [{ ...ROOT, id: 'a-else', email: 'else@acme.example' }]));
        expect(await find((await read('others'))!, 'root@acme.example')).toBeUndefined();
      });

      it('keeps linked identities of any script apart, byte by byte', async () => {
        const linked = SIMILAR_SUBS.map((sub, index): Administrator => {
          const [id, email] = [`a-${index}`, `a-${index}@acme.example`];
          return { ...ROOT, id, email, identities: [{ issuer: LINKED.issuer, sub }] };
        });
        await writer.saveTenant(tenantDraft('scripts', {}, linked));
        const tenant = (await read('scripts'))!;
        const directory = new AdministratorDirectory(controlPlane);
        for (const [index, sub] of SIMILAR_SUBS.entries())
          expect((await directory.findByIdentity(tenant, LINKED.issuer, sub))?.id).toBe(`a-${index}`);
        for (const sub of [...UNLINKABLE_SUBS, 'E', 'b', 'e ', '\u00e8'])
          expect(await directory.findByIdentity(tenant, LINKED.issuer, sub)).toBeUndefined();
        await writer.removeTenant(tenant.id, 0);
      });

      it('finds a linked identity of this tenant only, issuer and sub exact', async () => {
        const directory = new AdministratorDirectory(controlPlane);
        const tenant = (await read('admins'))!;
        const [{ issuer, sub }] = ROOT.identities as [{ issuer: string; sub: string }];
        expect((await directory.findByIdentity(tenant, issuer, sub))?.id).toBe('a-root');
        expect(await directory.findByIdentity((await read('others'))!, issuer, 'root-2')).toBeUndefined();
        for (const [otherIssuer, otherSub] of [
          [`${issuer}/`, sub],
          [issuer, sub.toUpperCase()],
          [issuer, `${sub} `],
        ] as const)
          expect(await directory.findByIdentity(tenant, otherIssuer, otherSub)).toBeUndefined();
      });
    });

    describe('spent tokens', () => {
      const spentTokensOf = (database: ControlPlane) => {
        const { log, lines } = collectingLog();
        return { spentTokens: new RedeemedTokens(database, clock, log), lines };
      };
      const clock = new ManualClock();
      const proof = (changes: Partial<OneTimeProof> = {}): OneTimeProof => ({
        issuer: LINKED.issuer,
        tokenId: 'A'.repeat(43),
        until: Math.floor(clock.ms / 1_000) + 60,
        ...changes,
      });
      const rows = async () => (await controlPlane.query('SELECT token_id FROM spent_tokens')).length;

      it('are redeemed once in a tenant, by issuer and id', async () => {
        const { spentTokens } = spentTokensOf(controlPlane);
        expect(await spentTokens.redeem('acme', proof())).toBe(true);
        expect(await spentTokens.redeem('acme', proof())).toBe(false);
        expect(await spentTokens.redeem('acme', proof({ until: 1 }))).toBe(false);
        expect(await spentTokens.redeem('globex', proof())).toBe(true);
        expect(await spentTokens.redeem('acme', proof({ issuer: `${LINKED.issuer}/` }))).toBe(true);
        expect(await spentTokens.redeem('acme', proof({ issuer: LINKED.issuer.toUpperCase() }))).toBe(true);
        expect(await spentTokens.redeem('acme', proof({ tokenId: `${'A'.repeat(42)}a` }))).toBe(true);
      });

      it('are redeemed by exactly one of two concurrent processes', async () => {
        const other = store.another();
        const both = [spentTokensOf(controlPlane).spentTokens, spentTokensOf(other).spentTokens];
        for (let round = 0; round < 10; round++) {
          const tokenId = String(round).padEnd(43, '-');
          const spends = await Promise.all(
            Array.from({ length: 10 }, (_, index) => both[index % 2]!.redeem('acme', proof({ tokenId }))),
          );
          expect(spends.filter(Boolean)).toHaveLength(1);
        }
        await other.close();
      });

      it('are removed when their tokens have expired, and not before', async () => {
        const { spentTokens, lines } = spentTokensOf(controlPlane);
        // A day after they expire: if the clock ran ahead and is set back, they are still needed.
        const now = Math.floor(clock.ms / 1_000) - 86_400;
        const ends = [-86_400, -40, -31, -1, 0, 1, 60];
        for (const [index, end] of ends.entries())
          await spentTokens.redeem('acme', proof({ tokenId: String(index).padEnd(43, '+'), until: now + end }));
        const before = await rows();
        await spentTokens.clean();
        expect(await rows()).toBe(before - 5);
        expect(await spentTokens.redeem('acme', proof({ tokenId: '5'.padEnd(43, '+') }))).toBe(false);
        expect(lines).toEqual([]);
      });

      it('that cannot be written for another reason are not refused as used', async () => {
        const { spentTokens } = spentTokensOf(controlPlane);
        const { code } = await refusalOf(spentTokens.redeem(null as unknown as string, proof()));
        expect(code).toBe('temporarily_unavailable');
      });
    });

    describe('revocations', () => {
      const now = 1_800_000_000;
      const revocation = (id: string, until = now + 60): NewRevocation => ({
        tenantId: tenantId('acme'),
        kind: 'token',
        id,
        before: undefined,
        until,
      });

      it('are numbered from 1 without a gap, and read in order from any number', async () => {
        const records = new RevocationRecords(controlPlane);
        expect(await records.sequence()).toBe(0);
        const added = await records.add([revocation('a'), { ...revocation('b'), kind: 'subject', before: now }]);
        expect(added.map(({ seq }) => seq)).toEqual([1, 2]);
        expect(await records.newerThan(0)).toEqual(added);
        expect(await records.newerThan(1)).toEqual(added.slice(1));
        expect(await records.newerThan(2)).toEqual([]);
        expect(await records.sequence()).toBe(2);
      });

      it('of two processes become visible in the order of their numbers', async () => {
        const other = store.another();
        const both = [new RevocationRecords(controlPlane), new RevocationRecords(other)];
        const start = await both[0]!.sequence();
        const adding = Promise.all(
          Array.from({ length: 40 }, (_, index) => both[index % 2]!.add([revocation(`t-${index}`)])),
        );
        const seen: number[] = [];
        let done = false;
        void adding.finally(() => (done = true));
        for (let last = false; !last; last = done) {
          for (const { seq } of await both[1]!.newerThan(start + seen.length)) seen.push(seq - start);
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        await adding;
        for (const { seq } of await both[1]!.newerThan(start + seen.length)) seen.push(seq - start);
        expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
        await other.close();
      });

      it('that fail leave no gap', async () => {
        const records = new RevocationRecords(controlPlane);
        const before = await records.sequence();
        const { code } = await refusalOf(records.add([revocation('x'), revocation(null as unknown as string)]));
        expect(code).toBe('temporarily_unavailable');
        expect(await records.sequence()).toBe(before);
        expect((await records.add([revocation('y')])).map(({ seq }) => seq)).toEqual([before + 1]);
      });

      describe('by clients', () => {
        afterAll(async () => {
          await controlPlane.query("DELETE FROM audit_records WHERE request_id = 'by-clients'");
          await controlPlane.query("DELETE FROM revocations WHERE tenant_id = 'quota'");
        });
        const web = { projectId: parseProjectId('shop')!, clientId: parseClientId('web')!, ofAllUntil, ofChain: [] };
        const nowMs = now * 1000;
        let made = 0;
        function ofAllUntil(before: number): NewRevocation {
          return { ...revocation('web', before + 90_000), tenantId: tenantId('quota'), kind: 'client', before };
        }
        const wanted = (changes: object = {}) => ({
          ...web,
          revocation: { ...revocation(`q-${++made}`, now + 1_000_000), tenantId: tenantId('quota') },
          issuedAt: now - 60,
          ...changes,
        });
        const audit: AuditRecord = {
          requestId: 'by-clients',
          route: 'POST',
          source: '::1',
          at: nowMs,
          outcome: 'revoked',
        };
        const entries = async () => {
          const all: RevocationRecord[] = [];
          for (let more = true; more;) {
            const some = await new RevocationRecords(controlPlane).newerThan(all.at(-1)?.seq ?? 0);
            all.push(...some);
            more = some.length > 0;
          }
          return all.filter(({ tenantId: id }) => id === 'quota');
        };
        const recorded = async () =>
          Number((await controlPlane.query('SELECT COUNT(*) AS rows_there FROM audit_records'))[0]!['rows_there']);

        it('are refused beyond the quota, which all processes share, and accepted again later', async () => {
          const other = store.another();
          const both = [new ClientRevocations(controlPlane), new ClientRevocations(other)];
          const before = await recorded();
          for (let index = 0; index < 400; index++) await both[index % 2]!.add(wanted(), audit, nowMs);
          for (const process of both)
            expect(await refusalOf(process.add(wanted(), audit, nowMs))).toMatchObject({
              code: 'too_many_requests',
              retryAfterSeconds: 2,
            });
          expect([(await entries()).length, (await recorded()) - before]).toEqual([400, 400]);
          const reader = { ...wanted(), clientId: parseClientId('reader')! };
          expect(await both[0]!.add(reader, audit, nowMs)).toMatchObject({ client: 'shop/reader' });
          await both[1]!.add(wanted(), audit, nowMs + 2_000);
          expect((await refusalOf(both[0]!.add(wanted(), audit, nowMs + 2_000))).code).toBe('too_many_requests');
          // A clock that ran ahead and was set back costs at most one burst.
          await both[1]!.add(wanted(), audit, nowMs + 86_400_000);
          const later = new ClientRevocations(other);
          expect((await refusalOf(later.add(wanted(), audit, nowMs))).retryAfterSeconds).toBe(2);
          await later.add(wanted(), audit, nowMs + 2_000);
          await other.close();
        });

        it('become one entry when a client has many, which hits everything that they hit, and no other client’s do', async () => {
          const revocations = new ClientRevocations(controlPlane);
          const sequence = await new RevocationRecords(controlPlane).sequence();
          let atMs = nowMs + 1_000_000;
          const issued: number[] = [];
          for (let folds = 0; folds === 0; atMs += 2_000) {
            issued.push(now - 60 - (issued.length % 7));
            const added = await revocations.add(wanted({ issuedAt: issued.at(-1) }), audit, atMs);
            if (added.replaces !== undefined) folds++;
          }
          const left = await entries();
          expect(left).toMatchObject([
            { client: 'shop/reader', kind: 'token' },
            { client: 'shop/web', kind: 'client', id: 'web', before: now - 60, replaces: 500 },
          ]);
          expect(left[1]!.seq).toBe(sequence + issued.length);
          // The next entry is separate; the replaced ones stay replaced.
          expect((await revocations.add(wanted(), audit, atMs)).replaces).toBeUndefined();
          expect(await entries()).toHaveLength(3);
        });

        it('of a client id that two projects have never become one entry, and are refused when there are many', async () => {
          const revocations = new ClientRevocations(controlPlane);
          const twin = { projectId: parseProjectId('billing')!, ofAllUntil: undefined };
          let atMs = nowMs + 3_000_000;
          for (let index = 0; index < 500; index++, atMs += 2_000) await revocations.add(wanted(twin), audit, atMs);
          expect((await refusalOf(revocations.add(wanted(twin), audit, atMs))).code).toBe('too_many_requests');
          expect((await entries()).filter(({ client }) => client === 'billing/web')).toHaveLength(500);
        });
      });

      it('are removed when they have expired, and their numbers are not reused', async () => {
        const records = new RevocationRecords(controlPlane);
        const sequence = await records.sequence();
        await records.add([revocation('old', now - 1), revocation('last', now)]);
        await records.clean(now, running);
        expect((await records.newerThan(sequence)).map(({ id }) => id)).toEqual(['last']);
        await records.clean(now + 3600, running);
        expect(await records.newerThan(0)).toEqual([]);
        expect(await records.sequence()).toBe(sequence + 2);
      });
    });

    describe('as the audit store', () => {
      const record = (at: number): AuditRecord => ({
        at,
        requestId: `request-${at}`,
        route: '/auth/user/generateToken',
        source: '127.0.0.1',
        outcome: 'unauthorized',
        reason: 'secret does not match',
        tenantId: 'acme',
      });
      const times = async () =>
        (await controlPlane.query('SELECT at_ms FROM audit_records ORDER BY at_ms')).map((row) => row['at_ms']);

      it('writes no record of an issued token that was not sent, and keeps the other records', async () => {
        const audit = new ControlPlaneAuditStore(controlPlane);
        const own = { ...record(7_000), outcome: 'issued', requestId: 'unreleased', tokenId: 'never-left' } as const;
        await audit.append([own, { ...own, tokenId: 'left' }, { ...own, at: 7_001 }, { ...own, requestId: 'other' }]);
        const keys = [own, { at: 7_002, requestId: 'not there', tokenId: 'never-left' }];
        for (let round = 0; round < 2; round += 1) await audit.markUnreleased(keys, 'audit: too late');
        const rows = await controlPlane.query(
          'SELECT outcome, reason FROM audit_records WHERE at_ms BETWEEN 7000 AND 7001 ORDER BY id',
        );
        expect(rows.map((row) => row['outcome'])).toEqual(['temporarily_unavailable', 'issued', 'issued', 'issued']);
        expect(rows[0]?.['reason']).toBe('audit: too late');
        await audit.purge(8_000, running);
      });

      it('corrects many records while others are written and indexed', async () => {
        const audit = new ControlPlaneAuditStore(controlPlane);
        const issued = Array.from({ length: 200 }, (_, number): AuditRecord => {
          const id = String(number);
          return { ...record(7_100 + number), outcome: 'issued', requestId: `late-${id}`, tokenId: `token-${id}` };
        });
        await audit.append(issued);
        const late = issued.filter((_, number) => number % 2 === 0);
        await Promise.all([
          audit.markUnreleased(late, 'audit: too late'),
          audit.append([record(7_400)]),
          audit.indexOldest(150),
        ]);
        const rows = await controlPlane.query(
          'SELECT outcome FROM audit_records WHERE at_ms BETWEEN 7100 AND 7299 ORDER BY at_ms',
        );
        expect(rows.map((row) => row['outcome'])).toEqual(
          issued.map((_, number) => (number % 2 === 0 ? 'temporarily_unavailable' : 'issued')),
        );
        await audit.purge(8_000, running);
      });

      it('keeps all records of a large append, and purges expired ones', async () => {
        const audit = new ControlPlaneAuditStore(controlPlane);
        const start = 1_800_000_000_000;
        await audit.append(Array.from({ length: 345 }, (_, number) => record(start + number)));
        expect(await times()).toHaveLength(345);
        await audit.purge(start + 340, running);
        expect(await times()).toEqual([340, 341, 342, 343, 344].map((number) => start + number));
        await audit.purge(start + 1000, running);
        expect(await times()).toEqual([]);
      });

      it('purges in steps, between which requests are served', async () => {
        const audit = new ControlPlaneAuditStore(controlPlane);
        const left = async () => (await times()).length;
        await audit.append(Array.from({ length: 900 }, (_, number) => record(9_000 + number)));
        const counts = new Set<number>();
        const purging = audit.purge(20_000, running);
        let isOver = false;
        void purging.finally(() => (isOver = true));
        while (!isOver) {
          counts.add(await left());
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        await purging;
        // On SQLite each step takes 200 rows; a server takes all of these at once.
        expect([...counts].filter((count) => count > 0 && count < 900)).toHaveLength(
          controlPlane.kind === 'sqlite' ? 4 : 0,
        );
        expect(await left()).toBe(0);
      });

      it('stores every member, and truncates long values instead of losing the record', async () => {
        const audit = new ControlPlaneAuditStore(controlPlane);
        const full: AuditRecord = {
          ...record(1),
          reason: `é${'x'.repeat(400)}`,
          projectId: 'shop',
          clientId: 'web',
          subjectId: 'u-ada',
          subjectDigest: 'd-1',
          tokenId: 'jti-1',
          keyId: 'kid-1',
          secretId: 'sec-1',
        };
        await audit.append([full]);
        const [row] = await controlPlane.query('SELECT * FROM audit_records');
        expect({ ...row, id: 0 }).toMatchObject({
          id: 0,
          at_ms: 1,
          request_id: 'request-1',
          route: '/auth/user/generateToken',
          source: '127.0.0.1',
          outcome: 'unauthorized',
          reason: `?${'x'.repeat(254)}`,
          tenant_id: 'acme',
          project_id: 'shop',
          client_id: 'web',
          subject_id: 'u-ada',
          subject_digest: 'd-1',
          token_id: 'jti-1',
          key_id: 'kid-1',
          secret_id: 'sec-1',
        });
      });
    });

    it('stores the latest use of a secret', async () => {
      const uses = new SecretUses(await controlPlane.repository(SecretUseEntity), collectingLog().log);
      const client = [parseTenantId('acme')!, parseProjectId('shop')!, parseClientId('web')!] as const;
      uses.record(...client, 'sec-1', 1000);
      uses.record(...client, 'sec-1', 2000);
      uses.record(...client, 'sec-2', 1500);
      await uses.flush();
      uses.record(...client, 'sec-1', 3000);
      await uses.close();
      expect(await uses.list(...client)).toEqual([
        { secretId: 'sec-1', lastUsedAtMs: 3000 },
        { secretId: 'sec-2', lastUsedAtMs: 1500 },
      ]);
    });
  });
}
