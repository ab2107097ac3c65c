import { JwtService } from '@nestjs/jwt';
import { BatchSigner } from '../issuing/batch-signer.ts';
import { issuerOf } from '../domain/issuer.ts';
import { JwtIssuer } from '../issuing/jwt-issuer.ts';
import { KeyRingStore } from '../keys/key-ring.store.ts';
import { firstRing } from '../keys/key-ring.transitions.ts';
import { KeyRings } from '../keys/key-rings.ts';
import { newSigningKey } from '../keys/new-signing-key.ts';
import { SecondOpinion } from '../keys/second-opinion.ts';
import { OwnTokenVerifier } from '../verification/own-tokens.ts';
import { PublishedDocuments } from '../keys/documents/published-documents.ts';
import { RevokedTokens } from '../revocation/revoked-tokens.ts';
import type { TesseraClaims, VerifiedToken } from '@tessera/token';
import { TesseraError } from '../errors/tessera-error.ts';
import { ControlPlaneWriter } from '../provisioning/apply/control-plane.writer.ts';
import { TenantRepository } from '../tenancy/tenant.repository.ts';
import type { SigningAlgorithm, Tenant } from '../tenancy/tenant.ts';
import { EmbeddedVault } from '../vault/embedded/embedded-vault.ts';
import type { VaultEntry } from '../vault/vault.service.ts';
import type { VaultPath } from '../vault/vault-path.ts';
import { epochSeconds } from '../domain/clock.ts';
import {
  collectingLog,
  embeddedControlPlane,
  ManualClock,
  storageConfig,
  temporaryFolder,
  tenantDraft,
  tenantId,
} from './storage.ts';

export const PUBLIC_URL = 'https://tessera.example';

/** A clock whose wall time can jump; its monotonic time does not. */
export class JumpyClock extends ManualClock {
  #jumped = 0;

  jump(ms: number): void {
    this.ms += ms;
    this.#jumped += ms;
  }

  override monotonicMs(): number {
    return this.ms - this.#jumped;
  }

  get seconds(): number {
    return epochSeconds(this.ms);
  }
}

/** An embedded store that can be made unavailable and that counts reads. */
export class PluggedVault extends EmbeddedVault {
  plugged = true;
  reads = 0;
  /** Reads wait for it before they return. */
  gate: Promise<void> = Promise.resolve();

  override async read(path: VaultPath): Promise<VaultEntry | undefined> {
    this.reads += 1;
    if (!this.plugged) throw new TesseraError('temporarily_unavailable', 'vault: unplugged', { retryAfterSeconds: 1 });
    const { gate } = this;
    const entry = await super.read(path);
    await gate;
    return entry;
  }
}

/** A list of revocations that the test sets. */
export class RevokedByHand extends RevokedTokens {
  readonly tokenIds = new Set<string>();
  known = true;

  override includes({ tokenId }: VerifiedToken): boolean {
    if (!this.known)
      throw new TesseraError('temporarily_unavailable', 'revocations: never read', { retryAfterSeconds: 1 });
    return this.tokenIds.has(tokenId);
  }
}

/** The Vault entry of a key ring, for invalid changes. */
export interface RingDocument {
  [member: string]: unknown;
  keys: KeyDocument[];
}
export interface KeyDocument {
  [member: string]: unknown;
  public_jwk: Record<string, unknown>;
  private_jwk: Record<string, unknown>;
}

export type IssuingFixture = Awaited<ReturnType<typeof openIssuingFixture>>;

/** Composes issuing over an embedded control plane and vault, like the server. The test adds tenants. */
export async function openIssuingFixture(options: { tokenBytes?: number; maxRings?: number } = {}) {
  const folder = temporaryFolder();
  const clock = new JumpyClock();
  const { log, lines } = collectingLog();
  const controlPlane = await embeddedControlPlane(folder.path);
  const writer = new ControlPlaneWriter(controlPlane);
  const tenants = new TenantRepository(controlPlane, clock, storageConfig(folder.path));
  const vault = new PluggedVault(folder.path);
  const secondOpinion = new SecondOpinion(new JwtService());
  const store = new KeyRingStore(vault, secondOpinion);
  const keyRings = new KeyRings(store, tenants, clock, log, {
    caches: { vaultSeconds: 30, tenants: options.maxRings ?? 100 },
  });
  const revoked = new RevokedByHand();
  return {
    folder: folder.path,
    clock,
    lines,
    writer,
    tenants,
    vault,
    store,
    keyRings,
    issuer: new JwtIssuer(keyRings, new BatchSigner(), secondOpinion, {
      limits: { tokenBytes: options.tokenBytes ?? 6144 },
    }),
    documents: new PublishedDocuments(keyRings, clock, { publicUrl: PUBLIC_URL, apiDocs: true }),
    revoked,
    ownTokens: new OwnTokenVerifier(keyRings, revoked, clock, { publicUrl: PUBLIC_URL }),
    addTenant: async (id: string, algorithm: SigningAlgorithm = 'ES256'): Promise<Tenant> => {
      await writer.saveTenant(tenantDraft(id, { tokens: { algorithm, ttlSeconds: 900 } }));
      await store.create(tenantId(id), firstRing(await newSigningKey(algorithm), clock.seconds));
      return tenants.open(tenantId(id));
    },
    close: async (): Promise<void> => {
      await controlPlane.close();
      folder.remove();
    },
  };
}

export function claimsFor(tenant: Tenant, now: number, changes: Partial<TesseraClaims> = {}): TesseraClaims {
  return {
    iss: issuerOf(PUBLIC_URL, tenant.id),
    sub: 'u-ada',
    aud: 'shop-api',
    client_id: 'web',
    iat: now,
    exp: now + 600,
    jti: 'b0f7c2d4-5a53-4e04-9c3f-3a1f8b3c1d11',
    scope: 'orders:read',
    roles: ['manager'],
    groups: ['sales'],
    resources: ['orders'],
    tenant_id: tenant.id,
    project_id: 'shop',
    email_id: 'ada@acme.example',
    surface: 'user',
    ...changes,
  };
}
