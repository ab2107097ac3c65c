import { checkClientKey } from '../../../identity-providers/keys/client-key.ts';
import type { ClientKey } from '../../../tenancy/tenant.ts';
import type { SourceNode } from '../source-node.ts';
import { byCodeUnit, listOf, type Reader } from './read-fields.ts';

/** One in use, one to change to, and those of a few instances. */
const MAX_KEYS = 20;

/** Reads the public keys of a client, sorted by `kid`. Of each, only the public members are kept. */
export const clientKeys: Reader<readonly ClientKey[]> = (node, errors) => {
  const kids = new Set<string>();
  const keys = listOf((item) => {
    if (item.kind !== 'map') {
      errors.add(item.at, 'must be a public key as a JWK: a map with kty, kid, alg and the members of its kty');
      return undefined;
    }
    const { key, refusals } = checkClientKey(plainMembers(item));
    for (const { member, problem, fix } of refusals ?? [])
      errors.add(
        (member === undefined ? undefined : item.entries.get(member)?.value.at) ?? item.at,
        fix === undefined ? problem : `${problem}: ${fix}`,
      );
    if (key?.kid === undefined) return undefined;
    if (kids.has(key.kid))
      errors.add(
        item.entries.get('kid')?.value.at ?? item.at,
        'another key of this client has this kid: give each its own',
      );
    kids.add(key.kid);
    return key;
  })(node, errors);
  if (keys !== undefined && node.kind === 'list' && node.items.length > MAX_KEYS)
    errors.add(node.at, `must list at most ${MAX_KEYS} keys: remove those that are no longer used`);
  return keys?.slice().sort((a, b) => byCodeUnit(a['kid'] ?? '', b['kid'] ?? ''));
};

function plainMembers({ entries }: SourceNode & { readonly kind: 'map' }): Readonly<Record<string, unknown>> {
  return Object.fromEntries([...entries].map(([name, { value }]) => [name, plainValue(value)]));
}

function plainValue(node: SourceNode): unknown {
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'list':
      return node.items.map(plainValue);
    case 'map':
      return plainMembers(node);
  }
}
