import { JwtService } from '@nestjs/jwt';
import { sign } from 'node:crypto';
import { Secret } from '../config/secret.ts';
import { OperatorError } from '../errors/operator-error.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import type { SigningAlgorithm } from '../tenancy/tenant.ts';
import { firstRing, rotate } from './key-ring.transitions.ts';
import type { KeyRing } from './key-ring.ts';
import { type LoadedSigningKey, loadSigningKey } from './loaded-key-ring.ts';
import { newSigningKey, type NewSigningKey } from './new-signing-key.ts';
import { SecondOpinion } from './second-opinion.ts';
import { ALGORITHMS } from './signing-algorithm.ts';

const NOW = 1_800_000_000;
const CLAIMS = { iss: 'https://tessera.example/tenants/acme', sub: 'u-ada', iat: NOW, exp: NOW + 600, roles: ['a'] };
const EVERY_ALGORITHM: readonly SigningAlgorithm[] = ['ES256', 'RS256', 'EdDSA'];

const opinion = () => new SecondOpinion(new JwtService());

async function loadedKey(algorithm: SigningAlgorithm): Promise<LoadedSigningKey> {
  const [key] = firstRing(await newSigningKey(algorithm), NOW).keys;
  return loadSigningKey(key!, key!.privateJwk!);
}

function tokenOf(key: LoadedSigningKey, claims: object, encodedHeader = key.encodedHeader): string {
  const input = encodedHeader + Buffer.from(JSON.stringify(claims)).toString('base64url');
  const { digest } = ALGORITHMS[key.alg];
  const signature = sign(digest, Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

function headerOf(header: object): string {
  return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.`;
}

function refusalOf(work: () => void): TesseraError {
  try {
    work();
  } catch (error) {
    if (error instanceof TesseraError) return error;
    throw error;
  }
  throw new Error('no refusal came');
}

describe('the first token of a key', () => {
  it.each(EVERY_ALGORITHM)('is accepted when it verifies with the published half (%s)', async (algorithm) => {
    const key = await loadedKey(algorithm);
    expect(() => {
      opinion().confirmFirstToken(key, tokenOf(key, CLAIMS), CLAIMS);
    }).not.toThrow();
  });

  it.each(EVERY_ALGORITHM)('is rejected when the published half is that of another key (%s)', async (algorithm) => {
    const key = await loadedKey(algorithm);
    const mismatched = { ...key, publicJwk: (await loadedKey(algorithm)).publicJwk };
    const second = opinion();
    // Each time: what was rejected once is not remembered as accepted.
    for (let attempt = 0; attempt < 2; attempt += 1)
      expect(
        refusalOf(() => {
          second.confirmFirstToken(mismatched, tokenOf(key, CLAIMS), CLAIMS);
        }),
      ).toMatchObject({
        code: 'temporarily_unavailable',
        reason: 'key ring: a second implementation rejects the first token of a key',
      });
  });

  it.each(EVERY_ALGORITHM)('is rejected when it says something else than was meant (%s)', async (algorithm) => {
    const key = await loadedKey(algorithm);
    expect(
      refusalOf(() => {
        opinion().confirmFirstToken(key, tokenOf(key, { ...CLAIMS, roles: ['b'] }), CLAIMS);
      }).reason,
    ).toBe('key ring: a second implementation reads other claims from the first token of a key');
  });

  it.each(EVERY_ALGORITHM)('is rejected when its header has another kid or typ (%s)', async (algorithm) => {
    const key = await loadedKey(algorithm);
    for (const header of [
      { typ: 'at+jwt', alg: key.alg, kid: 'another' },
      { typ: 'JWT', alg: key.alg, kid: key.kid },
      { typ: 'at+jwt', alg: key.alg, kid: key.kid, jku: 'https://evil.example' },
    ])
      expect(
        refusalOf(() => {
          opinion().confirmFirstToken(key, tokenOf(key, CLAIMS, headerOf(header)), CLAIMS);
        }).reason,
      ).toBe('key ring: a second implementation reads another header from the first token of a key');
  });

  it('is the only one that is checked', async () => {
    const key = await loadedKey('ES256');
    const second = opinion();
    second.confirmFirstToken(key, tokenOf(key, CLAIMS), CLAIMS);
    expect(() => {
      second.confirmFirstToken(key, 'not even a token', CLAIMS);
    }).not.toThrow();
  });

  it('is checked again for a key that was loaded anew', async () => {
    const key = await loadedKey('ES256');
    const second = opinion();
    second.confirmFirstToken(key, tokenOf(key, CLAIMS), CLAIMS);
    expect(
      refusalOf(() => {
        second.confirmFirstToken({ ...key }, 'not a token', CLAIMS);
      }).code,
    ).toBe('temporarily_unavailable');
  });
});

describe('a new key', () => {
  /** Published as one key, signing as another. */
  async function mismatchedKey(algorithm: SigningAlgorithm): Promise<NewSigningKey> {
    const [published, signing] = [await newSigningKey(algorithm), await newSigningKey(algorithm)];
    const privateMembers = JSON.parse(Secret.reveal(signing.privateJwk)) as object;
    return { ...published, privateJwk: new Secret(JSON.stringify({ ...privateMembers, ...published.publicJwk })) };
  }

  it.each(EVERY_ALGORITHM)(
    'is accepted when a token of it verifies with its published half (%s)',
    async (algorithm) => {
      const ring = firstRing(await newSigningKey(algorithm), NOW);
      expect(() => {
        opinion().confirmNewKeys(ring, undefined);
      }).not.toThrow();
    },
  );

  it.each(EVERY_ALGORITHM)('is refused when its published half is that of another key (%s)', async (algorithm) => {
    const ring = firstRing(await mismatchedKey(algorithm), NOW);
    expect(() => {
      opinion().confirmNewKeys(ring, undefined);
    }).toThrow(OperatorError);
  });

  it('is refused beside a key that the ring had before', async () => {
    const before = firstRing(await newSigningKey('ES256'), NOW);
    const after = rotate(before, await mismatchedKey('ES256'), NOW) as { readonly ring: KeyRing };
    expect(() => {
      opinion().confirmNewKeys(after.ring, before);
    }).toThrow(
      /^A token of the new key \S+ does not verify with its published half, so the key ring was not written\./,
    );
  });

  it('is not looked for among the keys that the ring had before: a broken ring must still take a change', async () => {
    const before = firstRing(await mismatchedKey('ES256'), NOW);
    expect(() => {
      opinion().confirmNewKeys(before, before);
    }).not.toThrow();
  });
});
