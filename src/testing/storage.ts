import { NO_TOKEN_ENDPOINT_MEMBERS } from '../tenancy/client-rows.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { Log } from '../logging/log.ts';
import type { Administrator } from '../directory/administrator.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import { createControlFileSource } from '../control-plane/control-database.ts';
import type { TenantDraft } from '../provisioning/apply/control-plane.writer.ts';
import type { Client, Project, Tenant, TenantFacts } from '../tenancy/tenant.ts';
import { Clock } from '../domain/clock.ts';
import { type ClientId, parseClientId, parseProjectId, parseTenantId, type TenantId } from '../domain/ids.ts';

/** A clock that tests move. */
export class ManualClock extends Clock {
  ms = 1_800_000_000_000;

  override nowMs(): number {
    return this.ms;
  }

  override monotonicMs(): number {
    return this.ms;
  }

  advance(ms: number): void {
    this.ms += ms;
  }
}

/** A log that collects its lines. */
export function collectingLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  return { log: new Log('debug', { write: (line: string) => void lines.push(line) }), lines };
}

export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'tessera-test-'));
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true });
    },
  };
}

export function storageConfig(dataDirectory: string): Config {
  return {
    dataDirectory,
    controlDatabase: { driver: 'sqlite' },
    connections: {
      tenantBudget: 50,
      perTenant: 4,
      waitMs: 1000,
      timeoutMs: 1500,
      idleSeconds: 60,
      dangerouslyAllowPlaintext: false,
    },
    caches: {
      grantsSeconds: 5,
      grantsEntries: 1000,
      vaultSeconds: 30,
      changePollMs: 500,
      tenants: 100,
      tenantSeconds: 60,
    },
    // Storage uses no other settings.
  } as Config;
}

export async function embeddedControlPlane(dataDirectory: string): Promise<ControlPlane> {
  const controlPlane = new ControlPlane(
    createControlFileSource(join(dataDirectory, 'control.sqlite')),
    collectingLog().log,
  );
  await controlPlane.migrate();
  return controlPlane;
}

export function tenantId(text: string): TenantId {
  return parseTenantId(text)!;
}

export function clientOf(tenant: Pick<Tenant, 'projects'>, projectId: string, clientId: string): Client {
  return tenant.projects.get(parseProjectId(projectId)!)!.clients.get(clientId as ClientId)!;
}

/** The tenant of `tenantDraft` as servers read it, without administrators. */
export function storedTenant(id: string, changes: Partial<TenantFacts> = {}, version = 1): Tenant {
  return { ...tenantDraft(id, changes).tenant, version, administratorIds: new Set() };
}

export function tenantDraft(
  id: string,
  changes: Partial<TenantFacts> = {},
  administrators: Administrator[] = [],
): TenantDraft {
  const projectId = parseProjectId('shop')!;
  const client: Client = {
    id: parseClientId('web')!,
    projectId,
    status: 'active',
    policy: { kind: 'confidential' },
    surfaces: ['admin', 'user'],
    audience: 'shop-api',
    scopes: new Set(['orders:read']),
    subjects: { domains: new Set(['acme.example']) },
    ttlSeconds: 600,
    ...NO_TOKEN_ENDPOINT_MEMBERS,
  };
  const project: Project = { id: projectId, name: 'Shop', status: 'active', clients: new Map([[client.id, client]]) };
  return {
    tenant: {
      id: tenantId(id),
      name: `${id} Ltd`,
      status: 'active',
      database: { driver: 'sqlite' },
      directory: 'managed',
      tokens: { algorithm: 'ES256', ttlSeconds: 900 },
      projects: new Map([[project.id, project]]),
      trusts: [],
      ...changes,
    },
    administrators,
  };
}
