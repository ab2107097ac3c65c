import type { VaultService } from './vault.service.ts';

/** The check of the secret store for `/readyz`. */
export function vaultReadiness(vault: VaultService): { readonly name: string; check(): Promise<void> } {
  return { name: 'vault', check: () => vault.check() };
}
