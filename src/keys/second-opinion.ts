import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { createPublicKey, type JsonWebKey, type KeyObject, sign, verify } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { OperatorError } from '../errors/operator-error.ts';
import { unavailable } from '../errors/tessera-error.ts';
import type { KeyRing } from './key-ring.ts';
import { type LoadedSigningKey, loadSigningKey } from './loaded-key-ring.ts';
import { ALGORITHMS } from './signing-algorithm.ts';

/** The claims of the token that tests a new key. The token never leaves this process, no verifier trusts its issuer, and it expired long ago. */
const CLAIMS_OF_A_TRIAL = { iss: 'urn:tessera:new-key', iat: 1_000_000_000, exp: 1_000_000_060 };

/** What a token says, as some implementation read it. */
interface ReadToken {
  readonly header: unknown;
  readonly payload: unknown;
}

/**
 * A second implementation of JWT, which this service does not sign with: `JwtService` of @nestjs/jwt (jsonwebtoken). It must accept the first token of
 * each key, against the key's published half alone, and read the same header and claims from it that we meant. A mistake of ours in the
 * encoding, the signature or the published key then stops at the first token instead of reaching every verifier.
 *
 * It never signs: `signAsync` doubles the time that a token takes.
 */
@Injectable()
export class SecondOpinion {
  readonly #jwt: JwtService;
  // A ring that was read again and has changed has new key objects: their first tokens are checked again.
  readonly #confirmed = new WeakSet<LoadedSigningKey>();

  constructor(jwt: JwtService) {
    this.#jwt = jwt;
  }

  /** For programs that do not run Nest, such as the command line. */
  static standalone(): SecondOpinion {
    return new SecondOpinion(new JwtService());
  }

  /**
   * Called with every token before it leaves; does its work until one token of the key was accepted.
   *
   * @throws TesseraError temporarily_unavailable when the second implementation rejects the token or reads something else from it
   */
  confirmFirstToken(key: LoadedSigningKey, token: string, claims: object): void {
    if (this.#confirmed.has(key)) return;
    this.#compare(key, token, claims);
    this.#confirmed.add(key);
  }

  /**
   * Called with every ring before it is written: a token of each key that was not in the ring before.
   *
   * @throws OperatorError when a new key cannot be used; nothing must be written then
   */
  confirmNewKeys(ring: KeyRing, before: KeyRing | undefined): void {
    const known = new Set(before?.keys.map(({ kid }) => kid));
    for (const ringKey of ring.keys) {
      if (known.has(ringKey.kid) || ringKey.privateJwk === undefined) continue;
      try {
        const key = loadSigningKey(ringKey, ringKey.privateJwk);
        const claims = { ...CLAIMS_OF_A_TRIAL, sub: key.kid };
        const signingInput = key.encodedHeader + Buffer.from(JSON.stringify(claims)).toString('base64url');
        const signature = sign(ALGORITHMS[key.alg].digest, Buffer.from(signingInput), {
          key: key.privateKey,
          dsaEncoding: 'ieee-p1363',
        });
        this.#compare(key, `${signingInput}.${signature.toString('base64url')}`, claims);
      } catch (cause) {
        throw new OperatorError(
          `A token of the new key ${ringKey.kid} does not verify with its published half, so the key ring was not written. Run the command again; if this happens again, this installation of Node.js or OpenSSL cannot be trusted with keys: use another one.`,
          { cause },
        );
      }
    }
  }

  #compare(key: LoadedSigningKey, token: string, claims: object): void {
    let read: ReadToken;
    try {
      const published = createPublicKey({ key: key.publicJwk as JsonWebKey, format: 'jwk' });
      read = key.alg === 'EdDSA' ? readByNode(token, published) : this.#read(key, token, published, claims);
    } catch (cause) {
      throw disagrees('rejects', cause);
    }
    if (!isDeepStrictEqual(read.header, { typ: 'at+jwt', alg: key.alg, kid: key.kid }))
      throw disagrees('reads another header from');
    // By text: both come out of the same order of members, and a member that is undefined is not in the token.
    if (JSON.stringify(read.payload) !== JSON.stringify(claims)) throw disagrees('reads other claims from');
  }

  #read(key: LoadedSigningKey, token: string, published: KeyObject, claims: object): ReadToken {
    const issuedAt = (claims as { readonly iat?: unknown }).iat;
    return this.#jwt.verify<ReadToken>(token, {
      publicKey: published.export({ type: 'spki', format: 'pem' }),
      algorithms: [key.alg as Exclude<typeof key.alg, 'EdDSA'>],
      complete: true,
      // The claims were made by the injected clock; jsonwebtoken would use the system's.
      ...(typeof issuedAt === 'number' && { clockTimestamp: issuedAt }),
    });
  }
}

/** jsonwebtoken knows no EdDSA. Keys of that algorithm have no second implementation here: node:crypto, which signed, also verifies. */
function readByNode(token: string, published: KeyObject): ReadToken {
  const [header = '', payload = '', signature = ''] = token.split('.');
  if (!verify(null, Buffer.from(`${header}.${payload}`), published, Buffer.from(signature, 'base64url')))
    throw new Error('invalid signature');
  return { header: decode(header), payload: decode(payload) };
}

function decode(part: string): unknown {
  return JSON.parse(Buffer.from(part, 'base64url').toString());
}

function disagrees(how: string, cause?: unknown): Error {
  return unavailable('key ring', `a second implementation ${how} the first token of a key`, cause);
}
