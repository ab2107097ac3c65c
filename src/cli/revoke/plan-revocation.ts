import { OperatorError } from '../../errors/operator-error.ts';
import {
  mayExchange,
  revocationOfAll,
  revocationOfChain,
  revocationsOfToken,
  revocationsOfTokenId,
} from '../../revocation/new-revocations.ts';
import type { NewRevocation } from '../../revocation/revocation-records.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import { parseEmail } from '../../domain/email.ts';
import { parseTenantId, type TenantId } from '../../domain/ids.ts';
import { parseServiceId } from '../../domain/service-id.ts';
import { findSubjects } from './find-subjects.ts';
import { findTenant, type Installation } from '../installation.ts';
import { readOwnToken } from './own-token.ts';
import { keyRevocation } from './revoke-key.ts';
import { findTokenOrigin, type TokenOrigin } from './token-root.ts';
import type { Terminal } from '../terminal.ts';

/** What to revoke: a kind and an id. */
export interface Target {
  readonly kind: 'token' | 'subject' | 'client' | 'key' | 'tenant';
  readonly tenantId: string;
  readonly id: string;
}

/** The planned revocations, made by reading only. */
export interface RevocationPlan {
  /** @param before the last second of the tokens to revoke, for revocations of many tokens; determined at commit */
  readonly revocations: (before: number) => readonly NewRevocation[];
  /** Describes the plan to the operator. */
  readonly words: string;
  readonly notes: readonly string[];
}

export async function planOfToken(stores: Installation, terminal: Terminal): Promise<RevocationPlan> {
  const token = await readOwnToken(stores, terminal.stdin);
  const { tenant } = await findTenant(stores, token.tenantId);
  return {
    revocations: (before) => revocationsOfToken(token, before, mayExchange(tenant)),
    words: `token ${token.tokenId} of subject ${token.subject} in ${token.tenantId}`,
    notes: token.root === undefined ? [] : [chainNote(token.root)],
  };
}

/**
 * @param force skip lookups: for deleted targets, or while a database does not answer
 * @throws OperatorError if the target does not exist
 */
export async function planOf(stores: Installation, target: Target, force: boolean): Promise<RevocationPlan> {
  const isAddress = target.kind === 'subject' && parseEmail(target.id) !== undefined;
  // Tokens hold no email address, so an address is always looked up.
  if (force && !isAddress) return planWithoutLookup(target);
  const state = await findTenant(stores, target.tenantId);
  const { tenant } = state;
  switch (target.kind) {
    case 'token':
      return planOfTokenId(tenant.id, target.id, {
        origin: await findTokenOrigin(stores, tenant.id, target.id),
        isExchangeable: mayExchange(tenant),
      });
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

/** Plans without lookups, so that only the control database must answer. */
function planWithoutLookup({ kind, tenantId, id }: Target): RevocationPlan {
  const tenant = parseTenantId(tenantId);
  if (tenant === undefined) throw new OperatorError('There is no such tenant: write the id of a tenant, such as acme.');
  switch (kind) {
    case 'token':
      return planOfTokenId(tenant, id, { origin: { kind: 'unknown' }, isExchangeable: true });
    case 'subject':
      return planOfSubjects(tenant, [id]);
    case 'client':
      return planOfClient(tenant, id.slice(id.lastIndexOf('/') + 1), []);
    case 'key':
      throw new OperatorError('A key is revoked in its key ring, which must exist: leave --force out.');
    case 'tenant':
      return planOfTenant(tenant);
  }
}

interface NamedToken {
  readonly origin: TokenOrigin;
  /** See `mayExchange`. */
  readonly isExchangeable: boolean;
}

function planOfTokenId(tenantId: TenantId, id: string, { origin, isExchangeable }: NamedToken): RevocationPlan {
  const root = origin.kind === 'exchanged' ? origin.root : undefined;
  const isUnknown = origin.kind === 'unknown' && isExchangeable;
  return {
    revocations: (before) => {
      const [own, ...ofRoot] = revocationsOfTokenId(tenantId, id, before, isExchangeable);
      return [own, ...(root === undefined ? ofRoot : [revocationOfChain(tenantId, root, before)])];
    },
    words: `token ${id} in ${tenantId}`,
    notes: [...(root === undefined ? [] : [chainNote(root)]), ...(isUnknown ? [UNKNOWN_ORIGIN] : [])],
  };
}

/** Tokens name the first token of their chain, and none between. */
function chainNote(root: string): string {
  return `It came from an exchange: all tokens that were exchanged from ${root} until now are revoked, too. That token itself is not.`;
}

const UNKNOWN_ORIGIN =
  'No audit record of this token was read. If it came from an exchange, tokens that were exchanged from it are still valid: to revoke them, give the whole token with --token -.';

function planOfSubjects(tenantId: TenantId, subjects: readonly string[]): RevocationPlan {
  return {
    revocations: (before) => subjects.map((id) => revocationOfAll(tenantId, 'subject', id, before)),
    words: `all tokens of subject ${subjects.join(' and ')} in ${tenantId}`,
    notes: [
      subjects.some((id) => parseServiceId(id) !== undefined)
        ? 'The client can get new tokens: disable it in the tenants file to prevent that.'
        : 'The subject can get new tokens: disable it in the tenants file or the directory to prevent that.',
    ],
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

/** Finds the client. Tokens name their client without its project, and so does a revocation. */
function clientOf(tenant: Tenant, name: string): { readonly clientId: string; readonly notes: readonly string[] } {
  const [first = '', second] = name.split('/');
  const clientId = second ?? first;
  const projects = [...tenant.projects.values()].filter(({ clients }) =>
    [...clients.keys()].some((id) => id === clientId),
  );
  const isKnown = second === undefined ? projects.length > 0 : projects.some(({ id }) => id === first);
  if (!isKnown)
    throw new OperatorError(`Tenant ${tenant.id} has no such client: \`tessera export\` lists its clients.`);
  if (projects.length === 1) return { clientId, notes: [] };
  const names = projects.map(({ id }) => `${id}/${clientId}`).join(' and ');
  return { clientId, notes: [`This revokes the tokens of ${names}: a token does not name its client's project.`] };
}
