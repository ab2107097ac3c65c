import { InvalidArgumentError } from 'commander';
import { parseEmail } from '../../domain/email.ts';
import { parseClientId, parseProjectId, parseTenantId, type TenantId } from '../../domain/ids.ts';
import { isGrantName } from '../../domain/names.ts';
import { isRevocableId } from '../../revocation/new-revocations.ts';

/** What an argument names: a thing within a tenant, by the path that a plan prints. */
export interface ObjectPath {
  readonly tenantId: TenantId;
  /** Behind the tenant's id: `shop/web` of a client, `u-ada` or an e-mail address of a user. */
  readonly name: string;
}

type Check = (name: string) => boolean;

const isProject: Check = (name) => parseProjectId(name) !== undefined;

const isClient: Check = (name) => {
  const [project, client, ...rest] = name.split('/');
  return parseProjectId(project) !== undefined && parseClientId(client) !== undefined && rest.length === 0;
};

/** An id as in `sub` of the tokens, or an address. */
export const isPersonName: Check = (name) => isRevocableId(name) || parseEmail(name) !== undefined;

/** The forms of the argument that names a thing of each kind. Nothing else reaches a query. */
export const PATHS = {
  project: { form: 'tenant/project', example: 'acme/shop', check: isProject },
  client: { form: 'tenant/project/client', example: 'acme/shop/web', check: isClient },
  user: { form: 'tenant/id', example: 'acme/u-ada', check: isPersonName },
  admin: { form: 'tenant/id', example: 'acme/a-root', check: isPersonName },
  group: { form: 'tenant/name', example: 'acme/sales', check: isGrantName as Check },
  role: { form: 'tenant/name', example: 'acme/manager', check: isGrantName as Check },
  scope: { form: 'tenant/name', example: 'acme/orders:read', check: isGrantName as Check },
} as const;

export type PathKind = keyof typeof PATHS;

/** Parses `tenant/name`. The tenant ends at the first slash: names of roles, groups and scopes may contain one. */
export function pathArgument(kind: PathKind): (text: string) => ObjectPath {
  const { form, example, check } = PATHS[kind];
  return (text) => {
    const slash = text.indexOf('/');
    const tenantId = parseTenantId(text.slice(0, Math.max(slash, 0)));
    const name = text.slice(slash + 1);
    if (tenantId === undefined || !check(name)) throw new InvalidArgumentError(`Write ${form}, such as ${example}.`);
    return { tenantId, name };
  };
}
