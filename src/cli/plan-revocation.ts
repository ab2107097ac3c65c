import { OperatorError } from '../errors/operator-error.ts';
import { revocationOfAll, revocationOfToken, revocationOfTokenId } from '../revocation/new-revocations.ts';
import type { NewRevocation } from '../revocation/revocation-records.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { parseEmail } from '../domain/email.ts';
import { parseTenantId, type TenantId } from '../domain/ids.ts';
import { findSubjects } from './find-subjects.ts';
import { findTenant, type Installation } from './installation.ts';
import { readOwnToken } from './own-token.ts';
import { keyRevocation } from './revoke-key.ts';
import type { Terminal } from './terminal.ts';

/** What one of a tenant's things is called, and what it is. */
export interface Target {
  readonly kind: 'token' | 'subject' | 'client' | 'key' | 'tenant';
  readonly tenantId: string;
  readonly id: string;
}

/** What is to be revoked, found out by reading alone. */
export interface RevocationPlan {
  /** @param before the last second of tokens that are meant where many are; worked out when it is committed */
  readonly revocations: (before: number) => readonly NewRevocation[];
  /** For people. */
  readonly words: string;
  readonly notes: readonly string[];
}

export async function planOfToken(stores: Installation, terminal: Terminal): Promise<RevocationPlan> {
  const token = await readOwnToken(stores, terminal.stdin);
  return {
    revocations: () => [revocationOfToken(token)],
    words: `token ${token.tokenId} of subject ${token.subject} in ${token.tenantId}`,
    notes: [],
  };
}

/**
 * @param force nothing is looked up: for what is gone, or while a database does not answer
 * @throws OperatorError when it is not there
 */
export async function planOf(stores: Installation, target: Target, force: boolean): Promise<RevocationPlan> {
  const isAddress = target.kind === 'subject' && parseEmail(target.id) !== undefined;
  // Tokens name nobody by e-mail address: that one is looked up in any case.
  if (force && !isAddress) return planUnseen(target);
  const state = await findTenant(stores, target.tenantId);
  const { tenant } = state;
  switch (target.kind) {
    case 'token':
      return planOfTokenId(tenant.id, target.id);
    case 'subject':
      return planOfSubjects(tenant.id, await findSubjects(stores, state, target.id));
    case 'client': {
      const { clientId, notes } = clientOf(tenant, target.id);
      return planOfClient(tenant.id, clientId, notes);
    }
    case 'key': {
      const revocation = await keyRevocation(stores, tenant.id, target.id);
      return {
        revocations: () => [revocation],
        words: `key ${target.id} of ${tenant.id} with all tokens that it signed`,
        notes: [],
      };
    }
    case 'tenant':
      return planOfTenant(tenant.id);
  }
}

/** At the operator's word, so that nothing has to answer but the control database. */
function planUnseen({ kind, tenantId, id }: Target): RevocationPlan {
  const tenant = parseTenantId(tenantId);
  if (tenant === undefined) throw new OperatorError('There is no such tenant: write the id of a tenant, such as acme.');
  switch (kind) {
    case 'token':
      return planOfTokenId(tenant, id);
    case 'subject':
      return planOfSubjects(tenant, [id]);
    case 'client':
      return planOfClient(tenant, id.slice(id.lastIndexOf('/') + 1), []);
    case 'key':
      throw new OperatorError('A key is revoked in its key ring, which must be there: leave --force out.');
    case 'tenant':
      return planOfTenant(tenant);
  }
}

function planOfTokenId(tenantId: TenantId, id: string): RevocationPlan {
  return {
    revocations: (before) => [revocationOfTokenId(tenantId, id, before)],
    words: `token ${id} in ${tenantId}`,
    notes: [],
  };
}

function planOfSubjects(tenantId: TenantId, subjects: readonly string[]): RevocationPlan {
  return {
    revocations: (before) => subjects.map((id) => revocationOfAll(tenantId, 'subject', id, before)),
    words: `all tokens of subject ${subjects.join(' and ')} in ${tenantId}`,
    notes: ['The subject can get new tokens: disable it in the tenants file or the directory if it shall not.'],
  };
}

function planOfClient(tenantId: TenantId, clientId: string, notes: readonly string[]): RevocationPlan {
  return {
    revocations: (before) => [revocationOfAll(tenantId, 'client', clientId, before)],
    words: `all tokens of client ${clientId} in ${tenantId}`,
    notes,
  };
}

function planOfTenant(tenantId: TenantId): RevocationPlan {
  return {
    revocations: (before) => [revocationOfAll(tenantId, 'tenant', '*', before)],
    words: `all tokens of ${tenantId}`,
    notes: [],
  };
}

/** Tokens name their client without its project, and so does a revocation. */
function clientOf(tenant: Tenant, name: string): { readonly clientId: string; readonly notes: readonly string[] } {
  const [first = '', second] = name.split('/');
  const clientId = second ?? first;
  const projects = [...tenant.projects.values()].filter(({ clients }) =>
    [...clients.keys()].some((id) => id === clientId),
  );
  const isKnown = second === undefined ? projects.length > 0 : projects.some(({ id }) => id === first);
  if (!isKnown)
    throw new OperatorError(`Tenant ${tenant.id} has no such client: see \`tessera export\` for those that it has.`);
  if (projects.length === 1) return { clientId, notes: [] };
  const names = projects.map(({ id }) => `${id}/${clientId}`).join(' and ');
  return { clientId, notes: [`This ends the tokens of ${names}: a token does not name its client's project apart.`] };
}
