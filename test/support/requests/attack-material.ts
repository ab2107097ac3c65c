import { createPrivateKey, type JsonWebKey } from 'node:crypto';
import { decodeJwt } from 'jose';
import type { AttackMaterial } from '../../../libs/token/test/attack-table.ts';
import { EmbeddedVault } from '../../../src/vault/embedded/embedded-vault.ts';
import { keyRingPath } from '../../../src/vault/vault-path.ts';
import { parseTenantId } from '../../../src/domain/ids.ts';
import type { TestTesseraServer } from '../tessera/tessera.ts';

interface StoredKey {
  readonly kid: string;
  readonly alg: AttackMaterial['alg'];
  readonly public_jwk: JsonWebKey;
  readonly private_jwk: JsonWebKey;
}

/** The keys of a tenant as stored in Vault, private halves included. */
export async function storedKeysOf(tessera: TestTesseraServer, tenant: string): Promise<StoredKey[]> {
  const vault = new EmbeddedVault(tessera.config.dataDirectory);
  const entry = await vault.read(keyRingPath(parseTenantId(tenant)!));
  await vault.close();
  return entry!.data['keys'] as StoredKey[];
}

/** A token of acme, for ada or root. */
export async function issuedToken(
  tessera: TestTesseraServer,
  surface: 'admin' | 'user',
  client = 'web',
): Promise<string> {
  const answer = await tessera.post(`/auth/${surface}/generateToken`, {
    tenant_id: 'acme',
    project_id: 'shop',
    client_id: client,
    email_id: surface === 'user' ? 'ada@acme.example' : 'root@acme.example',
    secret_id: tessera.secret(`acme/shop/${client}`),
  });
  return answer.body['access_token'] as string;
}

/** A service's own keys and one of its tokens, for the attack table. */
export async function attackMaterial(tessera: TestTesseraServer): Promise<AttackMaterial> {
  const acme = await signingKeyOf(tessera, 'acme');
  const globex = await signingKeyOf(tessera, 'globex');
  return {
    ...acme,
    claims: decodeJwt(await issuedToken(tessera, 'user')),
    nowSeconds: tessera.clock.nowMs() / 1000,
    other: {
      issuer: `${tessera.url}/tenants/globex`,
      tenantId: 'globex',
      kid: globex.kid,
      privateKey: globex.privateKey,
    },
  };
}

async function signingKeyOf(tessera: TestTesseraServer, tenant: string) {
  const { kid, alg, public_jwk: publicJwk, private_jwk } = (await storedKeysOf(tessera, tenant))[0]!;
  return { kid, alg, publicJwk, privateKey: createPrivateKey({ key: private_jwk, format: 'jwk' }) };
}
