import { generateKeyPairSync, type JsonWebKey, type KeyObject, randomUUID, sign } from 'node:crypto';
import { decodeUnverified } from '../verify/compact-token.ts';
import type { VerifiedToken } from '../verify/verified-token.ts';
import type { CommonVerifierOptions, ListedIssuer } from '../verify/verifier-options.ts';
import { subjectOfClient, type TestTokenFields } from './test-token-fields.ts';
import {
  exchangedFields,
  requestedFields,
  type TestExchangeRequest,
  type TestTokenRequest,
  type TestTokenResponse,
} from './test-token-request.ts';

export interface TestTesseraOptions {
  /** Default `test-api`. */
  readonly audience?: string;
  /** Default `['acme']`. */
  readonly tenants?: readonly string[];
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
      revocations: { source: { isRevoked: (token) => this.#isRevoked(token) } },
      tokens: { ...this.#outgoing, emailId: 'test@acme.example' },
    };
  }

  /** In place of `clientOptions.tokens`, for applications whose outgoing calls are their own: `{ ...clientOptions, tokens: clientTokens }`. */
  get clientTokens(): TestClientTokens {
    return { ...this.#outgoing, grant: 'client_credentials' };
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

  /**
   * Revokes the token by issuer and `jti`, so that another encoding of the same token is refused, too. As at a real Tessera, this ends everything that
   * was exchanged from the same root.
   */
  revoke(token: string): void {
    const { iss, jti, root = jti } = decodeUnverified(token).claims;
    this.#revoked.add(revocationKey('token', iss, jti));
    this.#revoked.add(revocationKey('chain', iss, root));
  }

  #isRevoked({ issuer, tokenId, root }: VerifiedToken): boolean {
    const has = (kind: 'token' | 'chain', id: string): boolean => this.#revoked.has(revocationKey(kind, issuer, id));
    return has('token', tokenId) || (root !== undefined && has('chain', root));
  }

  get #firstTenant(): string {
    return this.#tenants[0] ?? 'acme';
  }

  get #outgoing(): TestOutgoingCalls {
    return {
      tenantId: this.#firstTenant,
      projectId: 'test-project',
      clientId: 'test-client',
      source: (request) => Promise.resolve(this.#answer(requestedFields(request))),
      exchangeSource: (request) => Promise.resolve(this.#answer(exchangedFields(request))),
    };
  }

  #answer(fields: TestTokenFields): TestTokenResponse {
    const expiresIn = 600;
    return {
      access_token: this.token({ ...fields, ttlSeconds: expiresIn }),
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
    const { projectId = 'test-project', clientId = 'test-client', surface = 'user' } = fields;
    const isService = surface === 'service';
    const claims = {
      iss: fields.issuer ?? issuerOf(tenantId),
      sub: fields.subject ?? (isService ? subjectOfClient(projectId, clientId) : 'test-subject'),
      aud: fields.audience ?? this.#audience,
      client_id: clientId,
      iat: issuedAt,
      exp: fields.expiresAt ?? (fields.issuedAt === undefined ? now + ttlSeconds : issuedAt + ttlSeconds),
      jti: fields.tokenId ?? randomUUID(),
      scope: (fields.scopes ?? []).join(' '),
      roles: fields.roles ?? [],
      groups: fields.groups ?? [],
      resources: fields.resources ?? [],
      tenant_id: tenantId,
      project_id: projectId,
      email_id: fields.email ?? (isService ? undefined : 'test@acme.example'),
      surface,
      act: fields.actor,
      root: fields.root,
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

interface TestOutgoingCalls {
  readonly tenantId: string;
  readonly projectId: string;
  readonly clientId: string;
  readonly source: (request: TestTokenRequest) => Promise<TestTokenResponse>;
  readonly exchangeSource: (request: TestExchangeRequest) => Promise<TestTokenResponse>;
}

/** `VerifierOptions` with inline keys, and a source of tokens for outgoing calls. */
export type TestClientOptions = CommonVerifierOptions & {
  readonly issuers: readonly ListedIssuer[];
  readonly tokens: TestOutgoingCalls & { readonly emailId: string };
};

/** `tokens` of @tessera/client for calls in the name of the client itself. */
export type TestClientTokens = TestOutgoingCalls & { readonly grant: 'client_credentials' };

function revocationKey(kind: 'token' | 'chain', issuer: unknown, id: unknown): string {
  return `${kind}\n${String(issuer)}\n${String(id)}`;
}

function issuerOf(tenantId: string): string {
  return `https://tessera.test/tenants/${tenantId}`;
}

function newKey(): TestKey {
  const kid = randomUUID();
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { kid, privateKey, publicJwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' } };
}
