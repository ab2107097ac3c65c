import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import {
  ATTACK_TABLE,
  type AttackMaterial,
  goodServiceToken,
  goodToken,
  oneCharacterEdits,
  REVOKED_ROOT,
  SERVICE_ATTACKS,
  TOLERATED,
} from '../../test/attack-table.ts';
import { encode, forge, signer } from '../../test/forge.ts';
import { importVerificationKey, parseCompactToken, RevocationList, verifyParsed } from '../core.ts';
import {
  createVerifier,
  decodeUnverified,
  isVerifiedToken,
  TokenError,
  type TokenVerifier,
  type VerifiedToken,
} from '../index.ts';
import { TestTessera } from '../testing.ts';

const NOW = 1_800_000_000;
const BASE = 'https://tessera.example';

function newMaterial(alg: AttackMaterial['alg']): AttackMaterial {
  const pairs = {
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    RS256: () => generateKeyPairSync('rsa', { modulusLength: 2_048 }),
    EdDSA: () => generateKeyPairSync('ed25519'),
  } as Record<string, () => { privateKey: KeyObject }>;
  const { privateKey } = pairs[alg]!();
  return {
    privateKey,
    kid: 'acme-1',
    alg,
    publicJwk: { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid: 'acme-1', alg, use: 'sig' },
    nowSeconds: NOW,
    claims: {
      iss: `${BASE}/tenants/acme`,
      sub: 'u-ada',
      aud: 'shop-api',
      client_id: 'web',
      iat: NOW - 10,
      exp: NOW + 600,
      jti: 'j-1',
      scope: 'orders:read orders:write',
      roles: ['manager'],
      groups: ['sales'],
      resources: ['orders'],
      tenant_id: 'acme',
      project_id: 'shop',
      email_id: 'ada@acme.example',
      surface: 'user',
    },
    other: {
      issuer: `${BASE}/tenants/globex`,
      tenantId: 'globex',
      kid: 'globex-1',
      privateKey: pairs[alg]!().privateKey,
    },
  };
}

function verifierFor(material: AttackMaterial, more: object = {}): TokenVerifier {
  return createVerifier({
    issuers: [{ issuer: `${BASE}/tenants/acme`, jwks: { keys: [material.publicJwk] } }],
    audience: 'shop-api',
    nowSeconds: () => NOW,
    ...more,
  });
}

/** A list of revocations with the one that the attack table needs. */
function listWithRevokedRoot(): { readonly source: { readonly isRevoked: (token: VerifiedToken) => boolean } } {
  const list = new RevocationList();
  const issuer = `${BASE}/tenants/acme`;
  list.add({ issuer, kind: 'chain', id: REVOKED_ROOT, before: undefined, until: NOW + 10 });
  return { source: { isRevoked: (token) => list.hits(token, NOW) } };
}

async function refusal(result: Promise<unknown>): Promise<TokenError> {
  try {
    await result;
  } catch (error) {
    expect(error).toBeInstanceOf(TokenError);
    return error as TokenError;
  }
  throw new Error('was accepted');
}

describe.each(['ES256', 'RS256', 'EdDSA'] as const)('a verifier for %s', (alg) => {
  const material = newMaterial(alg);
  const verifier = verifierFor(material, { revocations: listWithRevokedRoot() });

  it.each(TOLERATED.map((row) => [row.name, row] as const))('accepts: %s', async (_, row) => {
    expect(isVerifiedToken(await verifier.verify(row.make(material)))).toBe(true);
  });

  it.each(ATTACK_TABLE.map((row) => [row.target, row.name, row] as const))('refuses, %s: %s', async (_, __, row) => {
    const token = row.make(material);
    const error = await refusal(verifier.verify(token));
    expect(row.codes).toContain(error.code);
    expect(error.verdict).toBe('refused');
    expectSafe(error, token);
  });

  it('refuses every one-character edit of a good token', async () => {
    const token = goodToken(material);
    let edits = 0;
    for (const edited of oneCharacterEdits(token)) {
      edits++;
      await refusal(verifier.verify(edited));
    }
    expect(edits).toBeGreaterThan(token.length * 10);
  });
});

/** Neither text may quote the token. */
function expectSafe(error: TokenError, token: string): void {
  const text = `${error.message} ${error.reason} ${String(error)} ${JSON.stringify(error)}`;
  for (const part of token.split('.').filter((part) => part.length > 8)) expect(text).not.toContain(part);
  for (const mark of ['u-ada', 'ada@acme', 'tessera.example', 'globex', 'acme-1', 'attacker'])
    expect(text).not.toContain(mark);
}

describe('a verifier', () => {
  const material = newMaterial('ES256');
  const verifier = verifierFor(material);

  it('returns the actors of an exchanged token, the current one first, and the root', async () => {
    const act = {
      sub: 'client:shop/web',
      client_id: 'web',
      act: { sub: 'u-ada', client_id: 'app', more: 'x', act: { sub: 'client:shop/first' } },
    };
    const sign = signer(material.privateKey);
    const header = { typ: 'at+jwt', alg: 'ES256', kid: 'acme-1' };
    const token = await verifier.verify(forge({ header, payload: { ...material.claims, act, root: 'j-0' }, sign }));
    expect(token.actors).toEqual([
      { sub: 'client:shop/web', client_id: 'web' },
      { sub: 'u-ada', client_id: 'app' },
      { sub: 'client:shop/first' },
    ]);
    expect([token.actor, token.root]).toEqual([act, 'j-0']);
    for (const object of [token.actors, ...token.actors]) expect(Object.isFrozen(object)).toBe(true);
    const plain = await verifier.verify(goodToken(material));
    expect(plain.actors).toEqual([]);
    expect(Object.isFrozen(plain.actors)).toBe(true);
    expect(plain).not.toHaveProperty('root');
  });

  it('returns what the token says, deeply frozen', async () => {
    const signed = forge({
      header: { typ: 'at+jwt', alg: 'ES256', kid: 'acme-1' },
      payload: {
        ...material.claims,
        act: { client_id: 'web', sub: 'u-root', act: { sub: 'u-first' } },
        idp: 'https://idp.example',
        later: { than: ['this'] },
      },
      sign: signer(material.privateKey),
    });
    const token = await verifier.verify(signed);
    expect(token).toMatchObject({
      issuer: `${BASE}/tenants/acme`,
      subject: 'u-ada',
      audience: 'shop-api',
      tokenId: 'j-1',
      keyId: 'acme-1',
      tenantId: 'acme',
      projectId: 'shop',
      clientId: 'web',
      email: 'ada@acme.example',
      surface: 'user',
      scopes: ['orders:read', 'orders:write'],
      roles: ['manager'],
      groups: ['sales'],
      resources: ['orders'],
      issuedAt: NOW - 10,
      expiresAt: NOW + 600,
      actor: { client_id: 'web', sub: 'u-root', act: { sub: 'u-first' } },
      identityProvider: 'https://idp.example',
    });
    const { later } = token.claims as unknown as { later: { than: string[] } };
    for (const object of [token, token.scopes, token.roles, token.actor, token.actor?.act, token.claims, later.than])
      expect(Object.isFrozen(object)).toBe(true);
    expect(isVerifiedToken({ ...token })).toBe(false);
    expect(isVerifiedToken(JSON.parse(JSON.stringify(token)))).toBe(false);
    expect(isVerifiedToken(undefined)).toBe(false);
  });

  it('refuses whatever random change is made to a good token', async () => {
    const good = goodToken(material);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(good.length - 1),
        fc.nat(40),
        fc.string({ maxLength: 40, unit: 'binary' }),
        async (at, removed, inserted) => {
          const changed = good.slice(0, at) + inserted + good.slice(at + removed);
          fc.pre(changed !== good);
          await refusal(verifier.verify(changed));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('never throws anything but a TokenError, whatever the signed payload is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.constantFrom(...Object.keys(material.claims), 'act', 'nbf', 'idp', 'root'), fc.jsonValue()),
        async (changes) => {
          const token = forge({
            header: { typ: 'at+jwt', alg: 'ES256', kid: 'acme-1' },
            payload: { ...material.claims, ...changes },
            sign: signer(material.privateKey),
          });
          const result = await verifier.verify(token).catch((error: unknown) => error);
          expect(isVerifiedToken(result) || result instanceof TokenError).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([undefined, null, 7, {}, [], Symbol('x'), { length: 3, indexOf: () => 1 }])(
    'refuses something other than a string: %p',
    async (value) => {
      expect((await refusal(verifier.verify(value as never))).code).toBe('TOKEN_MALFORMED');
    },
  );

  it('refuses an admin token unless asked for, and a user token where only admins are', async () => {
    const user = goodToken(material);
    const admin = goodToken({ ...material, claims: { ...material.claims, surface: 'admin' } });
    expect(await refusal(verifier.verify(admin))).toMatchObject({ code: 'TOKEN_CLAIM_INVALID', claim: 'surface' });
    const adminsOnly = verifierFor(material, { surfaces: ['admin'] });
    expect((await adminsOnly.verify(admin)).surface).toBe('admin');
    expect(await refusal(adminsOnly.verify(user))).toMatchObject({ code: 'TOKEN_CLAIM_INVALID', claim: 'surface' });
  });

  it('refuses the token of a service unless asked for, and a user token where only services are', async () => {
    const service = goodServiceToken(material);
    expect(await refusal(verifier.verify(service))).toMatchObject({ code: 'TOKEN_CLAIM_INVALID', claim: 'surface' });
    expect(await refusal(verifierFor(material, { surfaces: ['admin', 'user'] }).verify(service))).toMatchObject({
      claim: 'surface',
    });
    const servicesOnly = verifierFor(material, { surfaces: ['service'] });
    const verified = await servicesOnly.verify(service);
    expect(verified).toMatchObject({ surface: 'service', subject: 'client:shop/web' });
    expect(verified).not.toHaveProperty('email');
    expect(await refusal(servicesOnly.verify(goodToken(material)))).toMatchObject({ claim: 'surface' });
  });

  it.each(SERVICE_ATTACKS.map((row) => [row.name, row] as const))(
    'refuses, also where services are accepted: %s',
    async (_, row) => {
      const all = verifierFor(material, { surfaces: ['admin', 'user', 'service'] });
      const error = await refusal(all.verify(row.make(material)));
      expect(error.code).toBe('TOKEN_CLAIM_INVALID');
      expect(['sub', 'email_id']).toContain(error.claim);
    },
  );

  it('names the claim when an actor is one too many', async () => {
    const row = ATTACK_TABLE.find(({ name }) => name === 'act of five actors')!;
    expect(await refusal(verifier.verify(row.make(material)))).toMatchObject({
      code: 'TOKEN_CLAIM_INVALID',
      claim: 'act',
    });
  });

  it('accepts one of several audiences', async () => {
    const several = verifierFor(material, { audience: ['billing-api', 'shop-api'] });
    expect((await several.verify(goodToken(material))).audience).toBe('shop-api');
  });

  it('refuses a key of an algorithm that is not allowed here', async () => {
    const narrow = verifierFor(material, { algorithms: ['EdDSA'] });
    expect((await refusal(narrow.verify(goodToken(material)))).code).toBe('TOKEN_ALGORITHM_REFUSED');
  });

  it('refuses a lifetime over the bound and accepts it at the bound', async () => {
    expect(await verifierFor(material, { maxLifetimeSeconds: 610 }).verify(goodToken(material))).toBeDefined();
    const error = await refusal(verifierFor(material, { maxLifetimeSeconds: 609 }).verify(goodToken(material)));
    expect(error).toMatchObject({ code: 'TOKEN_CLAIM_INVALID', claim: 'exp' });
  });

  it('applies the clock skew to the second', async () => {
    const at = (nowSeconds: number): Promise<unknown> =>
      verifierFor(material, { clockSkewSeconds: 5, nowSeconds: () => nowSeconds }).verify(goodToken(material));
    expect(await at(NOW + 604)).toBeDefined();
    expect((await refusal(at(NOW + 605))).code).toBe('TOKEN_EXPIRED');
    expect(await at(NOW - 15)).toBeDefined();
    expect((await refusal(at(NOW - 16))).code).toBe('TOKEN_NOT_YET_VALID');
  });

  it.each([Number.NaN, Infinity, -Infinity])('accepts nothing when the clock returns %p', async (now) => {
    expect((await refusal(verifierFor(material, { nowSeconds: () => now }).verify(goodToken(material)))).verdict).toBe(
      'refused',
    );
  });

  it('is `unavailable` when the clock throws', async () => {
    const broken = verifierFor(material, {
      nowSeconds: () => {
        throw new Error('s3cret');
      },
    });
    const error = await refusal(broken.verify(goodToken(material)));
    expect(error).toMatchObject({ code: 'KEYS_UNAVAILABLE', verdict: 'unavailable', retryAfterSeconds: 1 });
    expect(`${error.message}${error.reason}`).not.toContain('s3cret');
  });

  it('keeps two tenants with the same kid apart', async () => {
    const both = createVerifier({
      issuers: [
        { issuer: `${BASE}/tenants/acme`, jwks: { keys: [material.publicJwk] } },
        { issuer: `${BASE}/tenants/globex`, jwks: { keys: [newMaterial('ES256').publicJwk] } },
      ],
      audience: 'shop-api',
      nowSeconds: () => NOW,
    });
    expect((await both.verify(goodToken(material))).tenantId).toBe('acme');
    const crossed = goodToken({
      ...material,
      claims: { ...material.claims, iss: `${BASE}/tenants/globex`, tenant_id: 'globex' },
    });
    expect((await refusal(both.verify(crossed))).code).toBe('TOKEN_SIGNATURE_INVALID');
  });

  it('refuses what its own source of revocations names, whatever form the signature has, and everything when the source fails', async () => {
    const revoked = verifierFor(material, {
      revocations: { source: { isRevoked: ({ tokenId }: { tokenId: string }) => tokenId === 'j-1' } },
    });
    for (const token of [goodToken(material), otherFormOf(goodToken(material))])
      expect((await refusal(revoked.verify(token))).code).toBe('TOKEN_REVOKED');
    const failing = verifierFor(material, {
      revocations: {
        source: {
          isRevoked: () => {
            throw new Error('down');
          },
        },
      },
    });
    expect((await refusal(failing.verify(goodToken(material)))).code).toBe('REVOCATIONS_STALE');
    const promising = verifierFor(material, { revocations: { source: { isRevoked: () => Promise.resolve(false) } } });
    expect((await refusal(promising.verify(goodToken(material)))).code).toBe('TOKEN_REVOKED');
  });

  it('refuses everything after close', async () => {
    const closing = verifierFor(material);
    closing.close();
    expect((await refusal(closing.verify(goodToken(material)))).code).toBe('KEYS_UNAVAILABLE');
    expect((await refusal(closing.hydrate())).code).toBe('KEYS_UNAVAILABLE');
  });
});

/** ECDSA confirms (r, n - s) as well as (r, s). */
function otherFormOf(token: string): string {
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const [header, payload, signature] = token.split('.');
  const bytes = Buffer.from(signature!, 'base64url');
  const s = n - BigInt(`0x${bytes.subarray(32).toString('hex')}`);
  const other = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]);
  return `${header!}.${payload!}.${other.toString('base64url')}`;
}

describe('decodeUnverified', () => {
  it('reads header and claims of the strict form, verified or not', () => {
    const token = `${encode({ typ: 'at+jwt', alg: 'ES256', kid: 'k' })}.${encode({ sub: 'x' })}.AAAA`;
    expect(decodeUnverified(token)).toEqual({
      header: { typ: 'at+jwt', alg: 'ES256', kid: 'k' },
      claims: { sub: 'x' },
    });
  });

  it('refuses the lax form', () => {
    expect(() => decodeUnverified('a.b')).toThrow(TokenError);
  });
});

describe('verifyParsed', () => {
  const material = newMaterial('ES256');
  const { key } = importVerificationKey(material.publicJwk);
  const policy = {
    key: key!,
    issuer: `${BASE}/tenants/acme`,
    audiences: 'any',
    surfaces: ['user'],
    clockSkewSeconds: 30,
    maxLifetimeSeconds: 86_400,
    nowSeconds: NOW,
  } as const;

  it.each(ATTACK_TABLE.filter(({ only }) => only === undefined).map((row) => [row.name, row] as const))(
    'refuses as the verifier does: %s',
    (_, row) => {
      let refused: unknown;
      try {
        verifyParsed(parseCompactToken(row.make(material)), policy);
      } catch (error) {
        refused = error;
      }
      expect(refused).toBeInstanceOf(TokenError);
      expect(row.codes).toContain((refused as TokenError).code);
    },
  );

  it('accepts any audience only when the policy says so', () => {
    const parsed = parseCompactToken(goodToken(material));
    expect(verifyParsed(parsed, policy).audience).toBe('shop-api');
    expect(() => verifyParsed(parsed, { ...policy, audiences: [] })).toThrow('TOKEN_AUDIENCE_WRONG');
  });
});

describe('TestTessera', () => {
  const tessera = new TestTessera({ audience: 'shop-api', tenants: ['acme', 'globex'] });
  const verifier = createVerifier(tessera.clientOptions);

  it('makes good tokens with every field set', async () => {
    const token = await verifier.verify(
      tessera.token({
        tenantId: 'globex',
        subject: 's',
        projectId: 'p',
        clientId: 'c',
        email: 'e@x.example',
        scopes: ['a', 'b'],
        roles: ['r'],
        groups: ['g'],
        resources: ['q'],
        tokenId: 't',
        actor: { sub: 'who' },
        root: 't-0',
        identityProvider: 'https://idp.example',
      }),
    );
    expect(token).toMatchObject({
      tenantId: 'globex',
      subject: 's',
      projectId: 'p',
      clientId: 'c',
      email: 'e@x.example',
      scopes: ['a', 'b'],
      roles: ['r'],
      groups: ['g'],
      resources: ['q'],
      tokenId: 't',
      actor: { sub: 'who' },
      actors: [{ sub: 'who' }],
      root: 't-0',
      identityProvider: 'https://idp.example',
    });
    expect(token.expiresAt - token.issuedAt).toBe(600);
  });

  it('has defaults for everything', async () => {
    const plain = new TestTessera();
    const token = await createVerifier(plain.clientOptions).verify(plain.token());
    expect(token).toMatchObject({ audience: 'test-api', tenantId: 'acme', surface: 'user', scopes: [] });
  });

  it.each([
    ['forged', () => tessera.forgedToken(), 'TOKEN_SIGNATURE_INVALID'],
    ['expired', () => tessera.token({ ttlSeconds: -60 }), 'TOKEN_EXPIRED'],
    ['of an unknown tenant', () => tessera.token({ tenantId: 'evil' }), 'TOKEN_ISSUER_UNTRUSTED'],
    ['for another audience', () => tessera.token({ audience: 'x' }), 'TOKEN_AUDIENCE_WRONG'],
    ['of an unknown key', () => tessera.token({ keyId: 'x' }), 'TOKEN_KEY_UNKNOWN'],
    ['of the other surface', () => tessera.token({ surface: 'admin' }), 'TOKEN_CLAIM_INVALID'],
    ['not valid yet', () => tessera.token({ issuedAt: Math.floor(Date.now() / 1_000) + 90 }), 'TOKEN_NOT_YET_VALID'],
  ])('makes a token that is refused: %s', async (_, make, code) => {
    expect((await refusal(verifier.verify(make()))).code).toBe(code);
  });

  it('revokes one token and no other', async () => {
    const [one, two] = [tessera.token(), tessera.token()];
    tessera.revoke(one);
    expect((await refusal(verifier.verify(one))).code).toBe('TOKEN_REVOKED');
    expect(await verifier.verify(two)).toBeDefined();
  });

  it('makes tokens of services, named after their client', async () => {
    const services = createVerifier({ ...tessera.clientOptions, surfaces: ['service'] });
    const token = await services.verify(tessera.token({ surface: 'service' }));
    expect(token).toMatchObject({ surface: 'service', subject: 'client:test-project/test-client' });
    expect(token).not.toHaveProperty('email');
    const other = tessera.token({ surface: 'service', projectId: 'shop', clientId: 'web' });
    expect((await services.verify(other)).subject).toBe('client:shop/web');
    expect((await refusal(verifier.verify(other))).code).toBe('TOKEN_CLAIM_INVALID');
  });

  it('revokes what was exchanged from a token with it, at any depth, and no other chain', async () => {
    const root = tessera.token({ tokenId: 'j-0' });
    const [child, grandchild] = [tessera.token({ root: 'j-0' }), tessera.token({ root: 'j-0' })];
    tessera.revoke(child);
    for (const token of [child, grandchild]) expect((await refusal(verifier.verify(token))).code).toBe('TOKEN_REVOKED');
    expect(await verifier.verify(root)).toBeDefined();
    expect(await verifier.verify(tessera.token({ root: 'j-1' }))).toBeDefined();
    tessera.revoke(root);
    expect((await refusal(verifier.verify(root))).code).toBe('TOKEN_REVOKED');
  });

  it('provides tokens of the client for outgoing calls', async () => {
    const { source, grant, ...request } = tessera.clientTokens;
    expect(grant).toBe('client_credentials');
    const answer = await source({ ...request, projectId: 'shop', clientId: 'web', audience: 'shop-api', scope: 'a b' });
    const services = createVerifier({ ...tessera.clientOptions, surfaces: ['service'] });
    expect(await services.verify(answer.access_token)).toMatchObject({
      subject: 'client:shop/web',
      clientId: 'web',
      scopes: ['a', 'b'],
    });
  });

  it('exchanges tokens for outgoing calls, as a real Tessera does', async () => {
    const { exchangeSource, ...request } = tessera.clientTokens;
    const exchange = async (subjectToken: string, clientId: string, scope?: string) => {
      const asked = { ...request, clientId, subjectToken, audience: 'shop-api' };
      return (await exchangeSource(scope === undefined ? asked : { ...asked, scope })).access_token;
    };
    const root = tessera.token({
      tokenId: 'j-first',
      subject: 'u-ada',
      clientId: 'app',
      scopes: ['a', 'b'],
      roles: ['r'],
    });
    const child = await exchange(root, 'web', 'a');
    expect(await verifier.verify(child)).toMatchObject({
      subject: 'u-ada',
      clientId: 'web',
      scopes: ['a'],
      roles: ['r'],
      root: 'j-first',
      actors: [
        { sub: 'client:test-project/web', client_id: 'web' },
        { sub: 'client:test-project/app', client_id: 'app' },
      ],
    });
    const grandchild = await verifier.verify(await exchange(child, 'stock'));
    expect(grandchild).toMatchObject({ scopes: ['a'], root: 'j-first' });
    expect(grandchild.actors.map(({ client_id }) => client_id)).toEqual(['stock', 'web', 'app']);
  });

  it('provides tokens for outgoing calls', async () => {
    const { tokens } = tessera.clientOptions;
    const answer = await tokens.source({ ...tokens, tenantId: 'globex', surface: 'user' });
    expect(answer).toMatchObject({ token_type: 'Bearer', expires_in: 600 });
    expect((await verifier.verify(answer.access_token)).tenantId).toBe('globex');
  });
});
