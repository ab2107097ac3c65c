import type { VerifiedToken } from '@tessera/token/core';
import { OperatorError } from '../../errors/operator-error.ts';
import type { TenantId } from '../../domain/ids.ts';
import { TesseraError } from '../../errors/tessera-error.ts';
import { KeyRings } from '../../keys/key-rings.ts';
import { OwnTokenVerifier } from '../../verification/own-tokens.ts';
import { RevokedTokens } from '../../revocation/revoked-tokens.ts';
import { SURFACES } from '../../domain/surface.ts';
import { type Installation, SILENT } from '../installation.ts';
import { readToken } from '../read-token.ts';

/** Disables the revocation check: revoking a token twice is allowed. */
class NoneRevoked extends RevokedTokens {
  override includes(): boolean {
    return false;
  }
}

/**
 * Reads a token from standard input and verifies it as a server would, so that only real tokens of this installation can be revoked.
 *
 * @throws OperatorError, which never quotes the token
 */
export async function readOwnToken(stores: Installation, stdin: AsyncIterable<Uint8Array>): Promise<VerifiedToken> {
  const { config, clock } = stores;
  const tenants = {
    open: async (id: TenantId) => {
      const state = await stores.controlPlane.readTenant(id);
      if (state === undefined) throw new TesseraError('client_not_found', 'unknown tenant');
      return state.tenant;
    },
    subscribe: () => undefined,
  };
  const keyRings = new KeyRings(stores.keyRings, tenants, clock, SILENT, {
    caches: { vaultSeconds: config.caches.vaultSeconds, tenants: 1 },
  });
  const verifier = new OwnTokenVerifier(keyRings, new NoneRevoked(), clock, config);
  const text = await readToken(stdin);
  try {
    return await verifier.verifyAt(text, SURFACES);
  } catch (error) {
    if (error instanceof TesseraError && error.code === 'unauthorized')
      throw new OperatorError(
        `This token is not valid at a server of this installation (${error.reason}), so there is nothing to revoke. Check that PUBLIC_URL is the same as for the servers, and that the token is complete.`,
      );
    throw error;
  }
}
