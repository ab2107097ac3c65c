import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import type { Answer } from '../../support/requests/answer.ts';
import {
  type ExchangeService,
  startExchangeService,
  tenantsWithTrusts,
  trustOf,
} from '../../support/tessera/exchange-service.ts';
import { providerKey, type ProviderSigningKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import type { HostileProvider } from '../../../src/testing/hostile-provider.ts';
import {
  SUBJECT_TOKEN_ALGORITHM_NAMES,
  parseSubjectTokenAlgorithm,
  type SubjectTokenAlgorithm,
} from '../../../src/identity-providers/subject-token-algorithm.ts';

/** Which algorithms a trusted issuer may have, by which names, and with which keys. */
const NO_SUCH_KEY = 'the issuer has no usable key of this kid and algorithm';
const NOT_LISTED = 'the subject token is refused: its issuer is not trusted with this algorithm';
const PROVES_NOTHING = 'the subject token is refused: its algorithm proves nothing about who signed';
const NOT_CONFIRMED = 'the subject token is refused: the key does not confirm its signature';

/** Each algorithm with another one of the nearest kind. */
const TWINS: Readonly<Record<SubjectTokenAlgorithm, SubjectTokenAlgorithm>> = {
  RS256: 'PS256',
  RS384: 'RS512',
  RS512: 'RS384',
  PS256: 'RS256',
  PS384: 'PS512',
  PS512: 'PS384',
  ES256: 'ES384',
  ES384: 'ES512',
  ES512: 'ES256',
  EdDSA: 'ES256',
};

let service: ExchangeService;
let providers: HostileProvider[];
beforeAll(async () => {
  service = await startExchangeService({ providers: SUBJECT_TOKEN_ALGORITHM_NAMES.length });
  providers = SUBJECT_TOKEN_ALGORITHM_NAMES.map(() => service.next());
  const trusts = SUBJECT_TOKEN_ALGORITHM_NAMES.map((name, index) =>
    trustOf(`spare-${index}`, providers[index]!.issuer, { algorithms: `[${name}]` }),
  );
  await service.tessera.apply(tenantsWithTrusts(trusts.join('')));
});
afterAll(() => service.close());

/** Past the cool-down, so that a new set is fetched. */
function publish(provider: HostileProvider, ...keys: object[]): void {
  provider.keys = keys;
  service.tessera.clock.advanceSeconds(601);
}

function exchange(
  provider: HostileProvider,
  key: ProviderSigningKey,
  header: Readonly<Record<string, unknown>> = {},
): Promise<Answer> {
  const claims = service.claims({}, provider);
  return service.exchange({ oidcToken: writeSubjectToken({ key, claims, header }) });
}

const trusting = (name: string): HostileProvider => providers[SUBJECT_TOKEN_ALGORITHM_NAMES.indexOf(name)]!;

describe.each(SUBJECT_TOKEN_ALGORITHM_NAMES)('a trusted issuer with %s', (name) => {
  const algorithm = parseSubjectTokenAlgorithm(name)!;
  const twin = TWINS[algorithm];

  it('has its tokens accepted, and none of another algorithm', async () => {
    const [key, other] = [providerKey('k1', algorithm), providerKey('k2', twin)];
    publish(trusting(name), key.jwk, other.jwk);
    expect((await exchange(trusting(name), key)).status).toBe(200);
    service.expectAnswerRefused(await exchange(trusting(name), other), NOT_LISTED);
  });

  it('has none accepted that is signed by another algorithm than its header says', async () => {
    const key = providerKey('k1', algorithm);
    publish(trusting(name), { ...key.jwk, alg: undefined });
    // An RSA key can sign by its twin; the others need a key of that curve.
    const signedAs = key.jwk.kty === 'RSA' ? { ...key, algorithm: twin } : providerKey('k1', twin);
    service.expectAnswerRefused(await exchange(trusting(name), signedAs, { alg: name }), NOT_CONFIRMED);
  });

  it('has no key used that is for another algorithm', async () => {
    const key = providerKey('k1', algorithm);
    publish(trusting(name), { ...key.jwk, alg: twin });
    service.expectAnswerRefused(await exchange(trusting(name), key), NO_SUCH_KEY);
  });
});

describe('EdDSA and Ed25519 are one algorithm', () => {
  const names = ['EdDSA', 'Ed25519'];
  const key = providerKey('k1', 'EdDSA');

  it.each(names.flatMap((trust) => names.flatMap((alg) => [...names, undefined].map((jwk) => [trust, alg, jwk]))))(
    'with %s in the trust, %s in the header and %s in the key',
    async (trust, alg, jwk) => {
      publish(trusting(trust!), { ...key.jwk, alg: jwk });
      expect((await exchange(trusting(trust!), key, { alg })).status).toBe(200);
    },
  );

  it.each(['ed25519', 'ED25519', 'Ed25519 ', 'EDDSA', 'Ed448', 'Ed25519ph', 'ESP256'])(
    'and %j in a header is neither',
    async (alg) => {
      publish(trusting('Ed25519'), key.jwk);
      service.expectAnswerRefused(await exchange(trusting('Ed25519'), key, { alg }), PROVES_NOTHING);
    },
  );

  it.each<[string, () => JsonWebKey]>([
    ['Ed448', () => generateKeyPairSync('ed448').publicKey.export({ format: 'jwk' })],
    ['X25519', () => generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' })],
    ['P-256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })],
  ])('and a key of %s is for neither', async (_name, jwk) => {
    for (const alg of [...names, undefined]) {
      publish(trusting('Ed25519'), { ...jwk(), kid: 'k1', alg });
      service.expectAnswerRefused(await exchange(trusting('Ed25519'), key, { alg: alg ?? 'EdDSA' }), NO_SUCH_KEY);
    }
  });

  it('a tenants file writes one of them, and an export says EdDSA', async () => {
    const written = trustOf('spare-0', providers[0]!.issuer, { algorithms: '[EdDSA, Ed25519]' });
    await expect(service.tessera.apply(tenantsWithTrusts(written))).rejects.toThrow('appears twice');
    const exported = await service.tessera.cli(['export']);
    expect(exported).toContain('algorithms: [ EdDSA ]');
    expect(exported).not.toContain('Ed25519');
  });
});

it('a tenants file with an algorithm that proves nothing is refused', async () => {
  for (const algorithm of ['none', 'HS256', 'ed25519', 'Ed448', 'ES256K'])
    await expect(
      service.tessera.apply(
        tenantsWithTrusts(trustOf('spare-0', providers[0]!.issuer, { algorithms: `[${algorithm}]` })),
      ),
    ).rejects.toThrow(/one of RS256, .*, EdDSA, Ed25519: "none" and HMAC/);
});
