import type { Administrator } from '../../../directory/administrator.ts';
import { allClients } from '../../../tenancy/all-clients.ts';
import type { Tenant } from '../../../tenancy/tenant.ts';
import type { TenantFacts } from '../facts.ts';
import type { Check, Found } from '../finding.ts';
import { shownId } from '../people.ts';

/** Trusted issuers name clients and administrators that exist, and identities of administrators and workloads are of trusted issuers. */
export const tenantLinksCheck: Check<TenantFacts> = {
  name: 'tenant-links',
  run: ({ state: { tenant, administrators } }) =>
    Promise.resolve([
      ...missingClients(tenant),
      ...missingAdministrators(tenant, administrators),
      ...untrustedIdentities(tenant, administrators),
      ...untrustedWorkloads(tenant),
    ]),
};

function untrustedWorkloads(tenant: Tenant): Found[] {
  const issuers = new Set(tenant.trusts.map(({ id }) => id));
  return allClients(tenant).flatMap(({ id, projectId, workload }): Found[] =>
    workload === undefined || issuers.has(workload.issuer)
      ? []
      : [
          {
            severity: 'warning',
            object: `${tenant.id}/${projectId}/${id}`,
            problem: `it authenticates by tokens of the issuer ${workload.issuer}, which the tenant does not trust`,
            command: 'Correct "workload" of the client, or add the issuer, in the tenants file: tessera apply -f FILE',
          },
        ],
  );
}

function missingClients(tenant: Tenant): Found[] {
  const clients = new Set(allClients(tenant).map(({ id }) => id));
  return tenant.trusts.flatMap((trust) =>
    trust.clients
      .filter((id) => !clients.has(id))
      .map((id) => ({
        severity: 'warning',
        object: `issuer ${tenant.id}/${trust.id}`,
        problem: `it is meant for the client ${id}, which does not exist`,
        command: 'Correct "clients" of the issuer in the tenants file: tessera apply -f FILE',
      })),
  );
}

/** Users are in the tenant's database: see user-identities.check.ts. */
function missingAdministrators(tenant: Tenant, administrators: readonly Administrator[]): Found[] {
  return tenant.trusts.flatMap(({ id, subject, surfaces }): Found[] =>
    subject.match !== 'user' || !surfaces.includes('admin') || administrators.some((one) => one.id === subject.id)
      ? []
      : [
          {
            severity: 'warning',
            object: `issuer ${tenant.id}/${id}`,
            problem: `its tokens are about the administrator ${subject.id}, who does not exist`,
            command: 'Correct "subject" of the issuer in the tenants file: tessera apply -f FILE',
          },
        ],
  );
}

function untrustedIdentities(tenant: Tenant, administrators: readonly Administrator[]): Found[] {
  const issuers = new Set(tenant.trusts.map(({ issuer }) => issuer));
  return administrators.flatMap(({ id, identities }) =>
    identities
      .filter(({ issuer }) => !issuers.has(issuer))
      .map(({ issuer }) => ({
        severity: 'warning',
        object: `administrator ${tenant.id}/${shownId(id)}`,
        problem: `is linked to an identity of ${issuer}, which the tenant does not trust`,
        command: 'Remove it from "identities", or add the issuer, in the tenants file: tessera apply -f FILE',
      })),
  );
}
