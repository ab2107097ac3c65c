import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';

/** The key pair of a client that authenticates by private_key_jwt. */
export interface ClientSigningKey {
  readonly kid: string;
  /** For `keys` of the tenants file. */
  readonly publicKey: JWK;
  /** What the client keeps. */
  readonly privateKey: JWK;
}

export async function clientSigningKey(): Promise<ClientSigningKey> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const kid = await calculateJwkThumbprint(publicKey);
  const named = { kid, alg: 'ES256', use: 'sig' };
  return {
    kid,
    publicKey: { ...(await exportJWK(publicKey)), ...named },
    privateKey: { ...(await exportJWK(privateKey)), ...named },
  };
}
