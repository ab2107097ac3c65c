import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Configuration } from 'oidc-provider';
import { parseSubjectTokenAlgorithm } from '../identity-providers/subject-token-algorithm.ts';
import { type IssuedTokens, logInByCode } from './code-flow.ts';
import { providerKey, type ProviderSigningKey } from './provider-tokens.ts';

/** An account with its claims. */
export interface ProviderAccount {
  readonly sub: string;
  readonly email?: string;
  readonly email_verified?: unknown;
  readonly [claim: string]: unknown;
}

/** A typical identity provider: oidc-provider in this process, with one client. */
export interface RunningOidcProvider {
  readonly issuer: string;
  /** For the list of allowed hosts. */
  readonly hostPort: string;
  /** The audience of its ID tokens. */
  readonly clientId: string;
  /** Requested paths so far, in order. */
  readonly requests: string[];
  /** A real login by the authorization code flow. */
  logIn(sub: string): Promise<IssuedTokens>;
  /** Signs with a new key from now on and no longer publishes the old one. */
  rotateKeys(): Promise<void>;
  /** The same, but the new key gets the name of the old one. */
  replaceKey(): Promise<void>;
  close(): Promise<void>;
}

export interface OidcProviderOptions {
  readonly clientId: string;
  readonly accounts: readonly ProviderAccount[];
  /** As the provider names it. Default: `ES256`. */
  readonly algorithm?: 'ES256' | 'PS256' | 'EdDSA' | 'Ed25519';
  /** It is also served by TLS under this name, which is its issuer then. Logins still go to the address on loopback. */
  readonly tls?: { readonly host: string; readonly key: string; readonly cert: string };
}

const REDIRECT_URI = 'https://app.example/callback';
/** The account's non-standard claims belong to this scope. */
const OWN_CLAIMS = ['hd', 'groups'];

export async function startOidcProvider({
  clientId,
  accounts,
  algorithm = 'ES256',
  tls,
}: OidcProviderOptions): Promise<RunningOidcProvider> {
  const { default: Provider } = await quietly(() => import('oidc-provider'));
  const clientSecret = randomBytes(32).toString('base64url');
  const requests: string[] = [];
  let answer: RequestListener = () => undefined;
  const listener: RequestListener = (request, response) => {
    requests.push((request.url ?? '').replace(/\?.*/, ''));
    answer(request, response);
  };
  const servers: Server[] = [createServer(listener), ...(tls === undefined ? [] : [createTlsServer(tls, listener)])];
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ports.push((server.address() as AddressInfo).port);
  }
  const base = `http://127.0.0.1:${ports[0]}`;
  const issuer = tls === undefined ? base : `https://${tls.host}:${ports[1]}`;
  let keysMade = 0;
  const replaceKey = async (): Promise<void> => {
    const key = providerKey(`key-${keysMade}`, parseSubjectTokenAlgorithm(algorithm));
    const configuration = configurationOf(key, { clientId, clientSecret, accounts, algorithm });
    const provider = await quietly(() => Promise.resolve(new Provider(issuer, configuration)));
    const callback = provider.callback();
    answer = (request, response) => void callback(request, response);
  };
  const rotateKeys = async (): Promise<void> => {
    keysMade += 1;
    await replaceKey();
  };
  await rotateKeys();
  return {
    issuer,
    hostPort: base.slice('http://'.length),
    clientId,
    requests,
    logIn: (sub) =>
      logInByCode({
        authorizationEndpoint: `${base}/auth`,
        tokenEndpoint: `${base}/token`,
        clientId,
        clientSecret,
        redirectUri: REDIRECT_URI,
        scope: 'openid email own',
        credentials: { login: sub, password: 'any' },
      }),
    rotateKeys,
    replaceKey,
    close: async () => {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      }
    },
  };
}

interface Registered extends Required<Omit<OidcProviderOptions, 'tls'>> {
  readonly clientSecret: string;
}

function configurationOf(
  key: ProviderSigningKey,
  { clientId, clientSecret, accounts, algorithm }: Registered,
): Configuration {
  return {
    jwks: {
      keys: [{ ...key.privateKey.export({ format: 'jwk' }), kid: key.kid, alg: algorithm, use: 'sig' }],
    },
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        token_endpoint_auth_method: 'client_secret_post',
        redirect_uris: [REDIRECT_URI],
        id_token_signed_response_alg: algorithm,
      },
    ],
    scopes: ['openid', 'email', 'own'],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], own: OWN_CLAIMS },
    // Puts the claims of the scopes into the ID token too, as most providers do.
    conformIdTokenClaims: false,
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    // Set explicitly, because oidc-provider warns about its defaults.
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    findAccount: (_context, sub) => {
      const account = accounts.find((known) => known.sub === sub);
      return account && { accountId: sub, claims: () => ({ ...account }) };
    },
  };
}

/** Suppresses oidc-provider's warnings that its login form, its store and this version of Node are for development. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { info, warn } = console;
  console.info = console.warn = () => undefined;
  try {
    return await work();
  } finally {
    Object.assign(console, { info, warn });
  }
}
