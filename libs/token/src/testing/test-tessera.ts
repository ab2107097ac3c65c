import { generateKeyPairSync, type JsonWebKey, type KeyObject, randomUUID, sign } from 'node:crypto';
import type { ActorClaim, Surface } from '../verify/claims.ts';
import { decodeUnverified } from '../verify/compact-token.ts';
import type { CommonVerifierOptions, ListedIssuer } from '../verify/verifier-options.ts';

export interface TestTesseraOptions {
  /** Default `test-api`. */
  readonly audience?: string;
  /** Default `['acme']`. */
  readonly tenants?: readonly string[];
}

/** The fields of a `VerifiedToken`, each with a default that makes a good token. */
export interface TestTokenFields {
  readonly issuer?: string;
  readonly subject?: string;
  readonly audience?: string;
  readonly tokenId?: string;
  readonly keyId?: string;
  /** Default: the first tenant. */
  readonly tenantId?: string;
  readonly projectId?: string;
  readonly clientId?: string;
  readonly email?: string;
  readonly surface?: Surface;
  readonly scopes?: readonly string[];
  readonly roles?: readonly string[];
  readonly groups?: readonly string[];
  readonly resources?: readonly string[];
  readonly issuedAt?: number;
  readonly expiresAt?: number;
  readonly actor?: ActorClaim;
  readonly identityProvider?: string;
  /** Further or broken claims. They override all other fields. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Default 600; negative for a token that has expired. */
  readonly ttlSeconds?: number;
}

/** The request for a token for an outgoing call. */
export interface TestTokenRequest {
  readonly tenantId: string;
  readonly projectId: string;
  readonly clientId: string;
  readonly emailId: string;
  readonly surface: Surface;
}

interface TestKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicJwk: JsonWebKey;
}

/**
 * A Tessera in memory: real ES256 keys, real tokens, no network. The code under test verifies as in production; only the trusted issuers are
 * replaced.
 */
export class TestTessera {
  readonly #audience: string;
  readonly #tenants: readonly string[];
  readonly #keys: ReadonlyMap<string, TestKey>;
  readonly #strangersKey = newKey();
  readonly #revoked = new Set<string>();

  constructor(options: TestTesseraOptions = {}) {
    this.#audience = options.audience ?? 'test-api';
    this.#tenants = options.tenants ?? ['acme'];
    this.#keys = new Map(this.#tenants.map((tenantId) => [tenantId, newKey()]));
  }

  /** For `createVerifier`, or in place of TESSERA_CLIENT_OPTIONS of @tessera/client. Spread it to change, say, `surfaces`. */
  get clientOptions(): TestClientOptions {
    return {
      issuers: [...this.#keys].map(([tenantId, { publicJwk }]) => ({
        issuer: issuerOf(tenantId),
        jwks: { keys: [publicJwk] },
      })),
      audience: this.#audience,
      revocations: { source: { isRevoked: ({ issuer, tokenId }) => this.#revoked.has(`${issuer}\n${tokenId}`) } },
      tokens: {
        tenantId: this.#firstTenant,
        projectId: 'test-project',
        clientId: 'test-client',
        emailId: 'test@acme.example',
        source: (request) => Promise.resolve(this.#answer(request)),
      },
    };
  }

  /** A token that passes, unless a field says otherwise. */
  token(fields: TestTokenFields = {}): string {
    const key = this.#keys.get(fields.tenantId ?? this.#firstTenant) ?? this.#strangersKey;
    return this.#write(fields, key.kid, key);
  }

  /** A token that is correct except for the signing key: the best forgery without Tessera's keys. */
  forgedToken(fields: TestTokenFields = {}): string {
    const key = this.#keys.get(fields.tenantId ?? this.#firstTenant) ?? this.#strangersKey;
    return this.#write(fields, key.kid, this.#strangersKey);
  }

  /** Revokes the token by issuer and `jti`, so that another encoding of the same token is refused, too. */
  revoke(token: string): void {
    const { iss, jti } = decodeUnverified(token).claims;
    this.#revoked.add(`${String(iss)}\n${String(jti)}`);
  }

  get #firstTenant(): string {
    return this.#tenants[0] ?? 'acme';
  }

  #answer(request: TestTokenRequest): { access_token: string; expires_in: number; token_type: string } {
    const { tenantId, projectId, clientId, emailId, surface } = request;
    const expiresIn = 600;
    return {
      access_token: this.token({ tenantId, projectId, clientId, email: emailId, surface, ttlSeconds: expiresIn }),
      expires_in: expiresIn,
      token_type: 'Bearer',
    };
  }

  #write(fields: TestTokenFields, kid: string, key: TestKey): string {
    const tenantId = fields.tenantId ?? this.#firstTenant;
    const ttlSeconds = fields.ttlSeconds ?? 600;
    const now = Math.floor(Date.now() / 1_000);
    // An expired token was issued earlier, so that only `exp` is wrong and `exp` − `iat` stays positive.
    const issuedAt = fields.issuedAt ?? (ttlSeconds > 0 ? now : now + ttlSeconds - 600);
    const claims = {
      iss: fields.issuer ?? issuerOf(tenantId),
      sub: fields.subject ?? 'test-subject',
      aud: fields.audience ?? this.#audience,
      client_id: fields.clientId ?? 'test-client',
      iat: issuedAt,
      exp: fields.expiresAt ?? (fields.issuedAt === undefined ? now + ttlSeconds : issuedAt + ttlSeconds),
      jti: fields.tokenId ?? randomUUID(),
      scope: (fields.scopes ?? []).join(' '),
      roles: fields.roles ?? [],
      groups: fields.groups ?? [],
      resources: fields.resources ?? [],
      tenant_id: tenantId,
      project_id: fields.projectId ?? 'test-project',
      email_id: fields.email ?? 'test@acme.example',
      surface: fields.surface ?? 'user',
      act: fields.actor,
      idp: fields.identityProvider,
      ...fields.claims,
    };
    const header = { typ: 'at+jwt', alg: 'ES256', kid: fields.keyId ?? kid };
    const signingInput = [header, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const signature = sign('sha256', Buffer.from(signingInput), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
    return `${signingInput}.${signature.toString('base64url')}`;
  }
}

/** `VerifierOptions` with inline keys, and a source of tokens for outgoing calls. */
export type TestClientOptions = CommonVerifierOptions & {
  readonly issuers: readonly ListedIssuer[];
  readonly tokens: {
    readonly tenantId: string;
    readonly projectId: string;
    readonly clientId: string;
    readonly emailId: string;
    readonly source: (
      request: TestTokenRequest,
    ) => Promise<{ access_token: string; expires_in: number; token_type: string }>;
  };
};

function issuerOf(tenantId: string): string {
  return `https://tessera.test/tenants/${tenantId}`;
}

function newKey(): TestKey {
  const kid = randomUUID();
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { kid, privateKey, publicJwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' } };
}
