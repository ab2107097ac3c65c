import { TesseraError } from '../errors/tessera-error.ts';
import {
  findProviderKey,
  parseProviderKeySet,
  type ProviderKey,
  type ProviderKeySet,
} from '../identity-providers/keys/provider-key-set.ts';
import { findConfirmingKey } from '../identity-providers/keys/find-confirming-key.ts';
import { BY_ANYONE } from '../identity-providers/keys/key-search-budget.ts';
import type { RemoteKeySets } from '../identity-providers/keys/remote-key-sets.ts';
import { signatureHolds } from '../identity-providers/subject-token-algorithm.ts';
import type { SubjectToken } from '../identity-providers/subject-token.ts';
import { serviceId } from '../domain/service-id.ts';
import type { Client, Tenant } from '../tenancy/tenant.ts';

/**
 * Finds the client's key that has signed the assertion: among its `keys`, or else at its `jwks_uri`.
 *
 * @throws TesseraError unauthorized; temporarily_unavailable if the keys cannot be fetched now
 */
export async function findSigningKey(
  keySets: RemoteKeySets,
  tenant: Tenant,
  client: Client,
  token: SubjectToken,
): Promise<ProviderKey> {
  const own = findProviderKey(listedKeys(client.keys), token.algorithm, token.kid);
  if (own !== undefined) {
    if (!confirms(own, token)) throw notConfirmed();
    return own;
  }
  if (client.jwksUri === undefined)
    throw refused(client.keys.length === 0 ? 'the client has no keys' : 'the client has no such key');
  const published = await findPublishedKey(keySets, tenant, client, client.jwksUri, token);
  if (published === undefined) throw notConfirmed();
  return published;
}

function findPublishedKey(
  keySets: RemoteKeySets,
  tenant: Tenant,
  client: Client,
  jwksUri: string,
  token: SubjectToken,
): Promise<ProviderKey | undefined> {
  // The URL stands for the issuer: it names the key set in the log, and clients with one URL share the keys.
  const source = { issuer: jwksUri, jwksUri, keyUse: undefined };
  const question = {
    account: `${tenant.id}/${serviceId({ projectId: client.projectId, clientId: client.id })}${BY_ANYONE}`,
    token,
  };
  return findConfirmingKey(keySets, source, question, (key) => confirms(key, token));
}

/** The key's own `alg` decides. One without it could verify signatures that its owner never meant it for. */
function confirms({ algorithm, publicKey }: ProviderKey, token: SubjectToken): boolean {
  return algorithm === token.algorithm && signatureHolds(algorithm, publicKey, token.signingInput, token.signature);
}

const NO_KEYS: ProviderKeySet = { keys: [], skipped: [] };
const keySetsOfClients = new WeakMap<Client['keys'], ProviderKeySet>();

/** Snapshots are frozen, so the parsed form of their keys lives as long as they do. A set that holds a private key has no usable key. */
function listedKeys(keys: Client['keys']): ProviderKeySet {
  let set = keySetsOfClients.get(keys);
  if (set === undefined) keySetsOfClients.set(keys, (set = parseProviderKeySet({ keys }, undefined).set ?? NO_KEYS));
  return set;
}

function notConfirmed(): TesseraError {
  return refused('the key does not confirm its signature');
}

function refused(reason: string): TesseraError {
  return new TesseraError('unauthorized', reason);
}
