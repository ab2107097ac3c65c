import type { KeySource } from './fetch-key-set.ts';
import type { ProviderKey } from './provider-key-set.ts';
import type { KeyQuestion } from './remote-key-set.ts';
import type { RemoteKeySets } from './remote-key-sets.ts';

/**
 * Finds the published key that has signed a token. If the key of that kid does not confirm the signature, the keys are looked up once more: some
 * owners replace a key and keep its kid.
 *
 * @param found called when a key of that kid is found, before it is tried
 * @returns undefined if no key confirms the signature
 * @throws TesseraError unauthorized, temporarily_unavailable
 */
export async function findConfirmingKey(
  keySets: RemoteKeySets,
  source: KeySource,
  question: KeyQuestion,
  confirms: (key: ProviderKey) => boolean,
  found: () => void = () => undefined,
): Promise<ProviderKey | undefined> {
  const { key, isFresh } = await keySets.find(source, question);
  found();
  if (confirms(key)) return key;
  const newer = isFresh ? undefined : await keySets.findAgain(source, question, key);
  return newer !== undefined && confirms(newer) ? newer : undefined;
}
