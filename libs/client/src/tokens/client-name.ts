import { fetchableUrl, wrongOption } from '@tessera/token/core';
import type { ClientReference } from './token-provider-options.ts';

const ID = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/**
 * The tenant becomes a part of the endpoint's path, project and client become one name with a slash between them.
 *
 * @throws TypeError that ends with the fix
 */
export function demandClientName(client: ClientReference): void {
  for (const name of ['tenantId', 'projectId', 'clientId'] as const)
    if (!ID.test(client[name])) throw wrongOption(`tokens.${name}`, 'is not an id', `use ids that match ${ID.source}`);
}

/**
 * Also for a URL that is given with one call: a credential goes there.
 *
 * @throws TypeError that ends with the fix
 */
export function demandUrl({ url }: ClientReference, isHttpAllowed: boolean): void {
  fetchableUrl('tokens.url', url, isHttpAllowed);
}
