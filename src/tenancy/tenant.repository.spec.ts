import {
  collectingLog,
  embeddedControlPlane,
  ManualClock,
  temporaryFolder,
  tenantDraft,
  tenantId,
} from '../testing/storage.ts';
import { ChangePoller } from './change-poller.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { ControlPlaneWriter } from '../provisioning/apply/control-plane.writer.ts';
import { TenantRepository } from './tenant.repository.ts';

describe('TenantRepository', () => {
  const acme = tenantId('acme');
  const folder = temporaryFolder();
  const clock = new ManualClock();
  let controlPlane: ControlPlane;
  let writer: ControlPlaneWriter;
  let tenants: TenantRepository;
  let follower: ChangePoller;

  beforeEach(async () => {
    controlPlane = await embeddedControlPlane(folder.path);
    writer = new ControlPlaneWriter(controlPlane);
    tenants = new TenantRepository(controlPlane, clock, { caches: { tenants: 10, tenantSeconds: 60 } });
    follower = new ChangePoller(controlPlane, tenants, collectingLog().log, { caches: { changePollMs: 500 } });
    await writer.saveTenant(tenantDraft('acme'));
    await follower.poll();
  });
  afterEach(() => controlPlane.close());
  afterAll(() => {
    folder.remove();
  });

  it('opens a tenant as it was saved, and hands out the same snapshot again', async () => {
    const tenant = await tenants.open(acme);
    const { version, administratorIds, ...saved } = tenant;
    expect(saved).toEqual(tenantDraft('acme').tenant);
    expect(version).toBeGreaterThan(0);
    expect(administratorIds).toEqual(new Set());
    expect(Object.isFrozen(tenant)).toBe(true);
    expect(await tenants.open(acme)).toBe(tenant);
  });

  it('refuses an unknown tenant', async () => {
    await expect(tenants.open(tenantId('nobody'))).rejects.toMatchObject({
      code: 'client_not_found',
      reason: 'unknown tenant',
    });
  });

  it('finds a tenant that was unknown a moment ago, once the change was announced', async () => {
    const late = tenantId('late');
    await expect(tenants.open(late)).rejects.toMatchObject({ code: 'client_not_found' });
    await writer.saveTenant(tenantDraft('late'));
    await follower.poll();
    expect((await tenants.open(late)).id).toBe(late);
  });

  it('finds it soon even before the change is announced, as when another server knows it already', async () => {
    const late = tenantId('later');
    await expect(tenants.open(late)).rejects.toMatchObject({ code: 'client_not_found' });
    await writer.saveTenant(tenantDraft('later'));
    await expect(tenants.open(late)).rejects.toMatchObject({ code: 'client_not_found' });
    clock.advance(100);
    expect((await tenants.open(late)).id).toBe(late);
  });

  it('serves a changed tenant after the next round of the poller', async () => {
    const before = await tenants.open(acme);
    await writer.saveTenant(tenantDraft('acme', { status: 'suspended' }));
    expect((await tenants.open(acme)).status).toBe('active');
    await follower.poll();
    const after = await tenants.open(acme);
    expect(after.status).toBe('suspended');
    expect(after.version).toBeGreaterThan(before.version);
  });

  it('refuses a removed tenant, and opens it again when it comes back', async () => {
    await tenants.open(acme);
    await writer.removeTenant(acme, 42);
    await follower.poll();
    await expect(tenants.open(acme)).rejects.toMatchObject({ reason: 'unknown tenant' });
    expect(await writer.readTombstones()).toContainEqual({ tenantId: acme, removedAtMs: 42 });
    await writer.saveTenant(tenantDraft('acme'));
    await follower.poll();
    expect((await tenants.open(acme)).id).toBe(acme);
  });

  it('notifies subscribers which tenant was touched', async () => {
    const heard: unknown[] = [];
    tenants.subscribe((id) => heard.push(id));
    await writer.touchTenant(acme);
    await follower.poll();
    await follower.poll();
    expect(heard).toEqual([acme]);
  });

  it('reads again what was opened before the first round, which cannot know how old it is', async () => {
    const early = await tenants.open(acme);
    const late = new ChangePoller(controlPlane, tenants, collectingLog().log, { caches: { changePollMs: 500 } });
    await late.poll();
    expect(await tenants.open(acme)).not.toBe(early);
  });

  it('notices changes in a control database that was restored to an older state', async () => {
    for (let change = 0; change < 5; change += 1) await writer.touchTenant(acme);
    await follower.poll();
    const before = await tenants.open(acme);
    const restored = before.version - 4;
    await controlPlane.query('UPDATE change_sequence SET value = ? WHERE id = 1', [restored]);
    await controlPlane.query("UPDATE tenants SET version = ?, status = 'suspended' WHERE id = 'acme'", [restored]);
    await follower.poll();
    expect((await tenants.open(acme)).status).toBe('suspended');
    await writer.saveTenant(tenantDraft('acme'));
    await follower.poll();
    expect(await tenants.open(acme)).toMatchObject({ status: 'active', version: restored + 1 });
  });

  it('does not keep a read that began before a change was announced', async () => {
    const reading = tenants.open(acme);
    tenants.invalidate(acme);
    const stale = await reading;
    expect(await tenants.open(acme)).not.toBe(stale);
  });

  it('reads once for concurrent callers', async () => {
    const opened = await Promise.all(Array.from({ length: 20 }, async () => tenants.open(acme)));
    expect(new Set(opened).size).toBe(1);
  });

  describe('while the control database is away', () => {
    it('serves a snapshot up to its maximum age', async () => {
      await tenants.open(acme);
      await controlPlane.close();
      await follower.poll();
      clock.advance(59_999);
      expect((await tenants.open(acme)).id).toBe(acme);
    });

    it('is unavailable beyond it, and for a tenant that was not read', async () => {
      await tenants.open(acme);
      await controlPlane.close();
      clock.advance(60_000);
      await expect(tenants.open(acme)).rejects.toMatchObject({ code: 'temporarily_unavailable' });
      await expect(tenants.open(tenantId('other'))).rejects.toMatchObject({ code: 'temporarily_unavailable' });
    });
  });
});
