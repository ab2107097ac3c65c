import { Inject, Injectable } from '@nestjs/common';
import type { TesseraClaims } from '@tessera/token';
import { CONFIG, type LimitsConfig } from '../config/config.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { BatchSigner } from './batch-signer.ts';
import { isLater } from '../runtime/awaitable.ts';
import type { BuiltClaims } from './claims.ts';
import { encodeClaims, encodePayload } from './payloads/encode-payload.ts';
import { KeyRings } from '../keys/key-rings.ts';
import type { LoadedSigningKey } from '../keys/loaded-key-ring.ts';
import { SecondOpinion } from '../keys/second-opinion.ts';

export interface SignedJwt {
  readonly token: string;
  readonly expiresInSeconds: number;
  readonly kid: string;
}

/**
 * Makes all tokens: signs the claims as a compact JWT with the tenant's active key. The constructor takes only the methods that are called, so that
 * `explain` can run the same checks without signing.
 */
@Injectable()
export class JwtIssuer {
  readonly #keyRings: KeyRings;
  readonly #signer: Pick<BatchSigner, 'sign'>;
  readonly #secondOpinion: Pick<SecondOpinion, 'confirmFirstToken'>;
  readonly #maxTokenBytes: number;

  constructor(
    keyRings: KeyRings,
    @Inject(BatchSigner) signer: Pick<BatchSigner, 'sign'>,
    @Inject(SecondOpinion) secondOpinion: Pick<SecondOpinion, 'confirmFirstToken'>,
    @Inject(CONFIG) { limits }: { readonly limits: Pick<LimitsConfig, 'tokenBytes'> },
  ) {
    this.#keyRings = keyRings;
    this.#signer = signer;
    this.#secondOpinion = secondOpinion;
    this.#maxTokenBytes = limits.tokenBytes;
  }

  /**
   * @throws TesseraError temporarily_unavailable without a usable key ring or when a second implementation rejects the key's first token, token_too_large over the size budget
   */
  async issue(tenant: Tenant, { claims, source }: BuiltClaims): Promise<SignedJwt> {
    // Claims of one tenant must never be signed with another tenant's key.
    if (claims.tenant_id !== tenant.id) throw new TesseraError('server_error', 'the claims are of another tenant');
    const ready = this.#keyRings.signingKey(tenant);
    const key = isLater(ready) ? await ready : ready;
    const payload = source === undefined ? encodeClaims(claims) : encodePayload(claims, source);
    const signingInput = key.encodedHeader + payload;
    this.#checkSize(signingInput, key, claims);
    let signature: Buffer;
    try {
      signature = await this.#signer.sign(key, Buffer.from(signingInput, 'latin1'));
    } catch (cause) {
      throw new TesseraError('server_error', 'signing failed', { cause });
    }
    const token = `${signingInput}.${signature.toString('base64url')}`;
    this.#secondOpinion.confirmFirstToken(key, token, claims);
    return {
      token,
      expiresInSeconds: claims.exp - claims.iat,
      kid: key.kid,
    };
  }

  #checkSize(signingInput: string, key: LoadedSigningKey, claims: TesseraClaims): void {
    if (signingInput.length + 1 + key.encodedSignatureLength <= this.#maxTokenBytes) return;
    throw new TesseraError('token_too_large', 'the token exceeds the size budget', {
      detail: `The token would exceed the size budget of ${this.#maxTokenBytes} bytes; its largest claim is ${largestClaim(claims)}.`,
    });
  }
}

/** Returns only the claim's name: its value is the subject's data. */
function largestClaim(claims: TesseraClaims): string {
  const sizes = Object.keys(claims).map((name) => ({ name, size: JSON.stringify({ [name]: claims[name] }).length }));
  return sizes.reduce((largest, claim) => (claim.size > largest.size ? claim : largest)).name;
}
