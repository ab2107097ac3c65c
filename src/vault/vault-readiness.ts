import type { VaultService } from './vault.service.ts';

/** For `/readyz`. */
export function vaultReadiness(vault: VaultService): { readonly name: string; check(): Promise<void> } {
  return { name: 'vault', check: () => vault.check() };
}
