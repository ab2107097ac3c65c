import { randomBytes } from 'node:crypto';
import { type IssuedTokens, logInByCode } from '../../../src/testing/code-flow.ts';
import { freePort, type RunningProcess, startProcess } from './process.ts';
import { requireServer } from './required-servers.ts';

/** A user of the realm. */
export interface KeycloakUser {
  readonly username: string;
  readonly email: string;
  readonly emailVerified: boolean;
}

export interface KeycloakServiceAccount {
  /** The `sub` of its tokens. */
  readonly sub: string;
  /** A new access token. */
  token(): Promise<string>;
}

/** A Keycloak in development mode with one realm and one client, without data on disk. */
export interface RunningKeycloak {
  readonly issuer: string;
  /** For the list of allowed hosts. */
  readonly hostPort: string;
  /** The audience of its ID tokens. */
  readonly clientId: string;
  /** @returns the user's id, which is the `sub` of their tokens */
  addUser(user: KeycloakUser): Promise<string>;
  /** A real login by the authorization code flow, through Keycloak's own form. */
  logIn(username: string): Promise<IssuedTokens>;
  /** 0 without TLS. */
  readonly tlsPort: number;
  /** The form that gets the user's tokens from the token endpoint without a login page. */
  passwordGrant(username: string): string;
  /** Adds the client to the audience of its access tokens, as in many set-ups. */
  addOwnAudience(): Promise<void>;
  /** Adds a client that gets tokens for itself (client_credentials), with the first client in their audience. */
  addServiceAccount(clientId: string): Promise<KeycloakServiceAccount>;
  /** Replaces the signing key. The old key is no longer published. */
  rotateKeys(): Promise<void>;
  close(): Promise<void>;
}

const REALM = 'acme';
const CLIENT_ID = 'tessera-acme';
const REDIRECT_URI = 'https://app.example/callback';
const KEY_PROVIDER = 'org.keycloak.keys.KeyProvider';
// The first start after an installation also builds; two busy cores take a minute for both.
const READY_WITHIN_MS = 180_000;

const OWN_AUDIENCE = {
  name: 'own-audience',
  protocol: 'openid-connect',
  protocolMapper: 'oidc-audience-mapper',
  config: { 'included.client.audience': CLIENT_ID, 'access.token.claim': 'true' },
};

export interface KeycloakOptions {
  /** It is also served by TLS, under any name that is asked for: files in PEM. */
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string };
}

export async function startKeycloak({ tls }: KeycloakOptions = {}): Promise<RunningKeycloak> {
  const [clientSecret, adminPassword, userPassword] = [randomText(), randomText(), randomText()];
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const tlsPort = tls === undefined ? 0 : await freePort();
  const tlsArguments =
    tls === undefined
      ? []
      : [
          `--https-port=${tlsPort}`,
          `--https-certificate-file=${tls.certificateFile}`,
          `--https-certificate-key-file=${tls.keyFile}`,
        ];
  const server = await startServer(port, adminPassword, tlsArguments);
  const admin = new AdminApi(base, adminPassword);
  await admin.post('', { realm: REALM, enabled: true });
  await admin.post(`/${REALM}/clients`, {
    clientId: CLIENT_ID,
    secret: clientSecret,
    publicClient: false,
    directAccessGrantsEnabled: true,
    redirectUris: [REDIRECT_URI],
  });
  const issuer = `${base}/realms/${REALM}`;
  return {
    issuer,
    hostPort: `127.0.0.1:${port}`,
    clientId: CLIENT_ID,
    addUser: async (user) => {
      // Without names, the form asks for them after the login.
      const account = { ...user, enabled: true, firstName: user.username, lastName: 'Tester' };
      const location = await admin.post(`/${REALM}/users`, {
        ...account,
        credentials: [{ type: 'password', value: userPassword, temporary: false }],
      });
      return location.replace(/^.*\//, '');
    },
    logIn: (username) =>
      logInByCode({
        authorizationEndpoint: `${issuer}/protocol/openid-connect/auth`,
        tokenEndpoint: `${issuer}/protocol/openid-connect/token`,
        clientId: CLIENT_ID,
        clientSecret,
        redirectUri: REDIRECT_URI,
        scope: 'openid email',
        credentials: { username, password: userPassword },
      }),
    tlsPort,
    passwordGrant: (username) =>
      new URLSearchParams({
        grant_type: 'password',
        client_id: CLIENT_ID,
        client_secret: clientSecret,
        scope: 'openid email',
        username,
        password: userPassword,
      }).toString(),
    addOwnAudience: () => addOwnAudience(admin),
    addServiceAccount: (clientId) => addServiceAccount(admin, `${issuer}/protocol/openid-connect/token`, clientId),
    rotateKeys: () => rotateKeys(admin),
    close: async () => {
      await server.end();
    },
  };
}

async function startServer(port: number, adminPassword: string, more: readonly string[]): Promise<RunningProcess> {
  const program = requireServer('keycloak');
  requireServer('java');
  const args = ['start-dev', '--db=dev-mem', '--http-host=127.0.0.1', `--http-port=${port}`, ...more];
  return startProcess(program, args, {
    env: {
      ...process.env,
      KC_BOOTSTRAP_ADMIN_USERNAME: 'admin',
      KC_BOOTSTRAP_ADMIN_PASSWORD: adminPassword,
      JAVA_OPTS_APPEND: '-Xmx512m',
    },
    ready: () => isUp(`http://127.0.0.1:${port}/realms/master`),
    readyWithinMs: READY_WITHIN_MS,
  });
}

async function isUp(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

async function addOwnAudience(admin: AdminApi): Promise<void> {
  const [client] = (await admin.get(`/${REALM}/clients?clientId=${CLIENT_ID}`)) as { id: string }[];
  await admin.post(`/${REALM}/clients/${client!.id}/protocol-mappers/models`, OWN_AUDIENCE);
}

async function addServiceAccount(
  admin: AdminApi,
  tokenEndpoint: string,
  clientId: string,
): Promise<KeycloakServiceAccount> {
  const secret = randomText();
  const location = await admin.post(`/${REALM}/clients`, {
    clientId,
    secret,
    publicClient: false,
    serviceAccountsEnabled: true,
    standardFlowEnabled: false,
    // Without the roles of every account, its tokens are for the mapped audience alone.
    fullScopeAllowed: false,
    protocolMappers: [OWN_AUDIENCE],
  });
  const { id } = (await admin.get(`/${REALM}/clients/${location.replace(/^.*\//, '')}/service-account-user`)) as {
    id: string;
  };
  return {
    sub: id,
    token: async () => {
      const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: secret };
      const response = await fetch(tokenEndpoint, { method: 'POST', body: new URLSearchParams(form) });
      return ((await response.json()) as { access_token: string }).access_token;
    },
  };
}

async function rotateKeys(admin: AdminApi): Promise<void> {
  const { id: realmId } = (await admin.get(`/${REALM}`)) as { id: string };
  const components = (await admin.get(`/${REALM}/components?type=${KEY_PROVIDER}`)) as KeyComponent[];
  const old = components.filter(({ providerId }) => providerId === 'rsa-generated');
  await admin.post(`/${REALM}/components`, {
    name: `rsa-${randomText()}`,
    providerId: 'rsa-generated',
    providerType: KEY_PROVIDER,
    parentId: realmId,
    config: { priority: ['200'], keySize: ['2048'], algorithm: ['RS256'], active: ['true'], enabled: ['true'] },
  });
  for (const { id } of old) await admin.delete(`/${REALM}/components/${id}`);
}

interface KeyComponent {
  readonly id: string;
  readonly providerId: string;
}

/** Keycloak's own administration, below `/admin/realms`. */
class AdminApi {
  readonly #base: string;
  readonly #password: string;

  constructor(base: string, password: string) {
    this.#base = base;
    this.#password = password;
  }

  async get(path: string): Promise<unknown> {
    return (await this.#send('GET', path)).json();
  }

  /** @returns the URL of the new object */
  async post(path: string, body: object): Promise<string> {
    return (await this.#send('POST', path, body)).headers.get('location') ?? '';
  }

  async delete(path: string): Promise<void> {
    await this.#send('DELETE', path);
  }

  async #send(method: string, path: string, body?: object): Promise<Response> {
    const response = await fetch(`${this.#base}/admin/realms${path}`, {
      method,
      // Its tokens are valid for a minute, so this requests a new one each time.
      headers: { authorization: `Bearer ${await this.#token()}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok)
      throw new Error(`Keycloak answers ${response.status} to ${method} ${path}: ${await response.text()}`);
    return response;
  }

  async #token(): Promise<string> {
    const response = await fetch(`${this.#base}/realms/master/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'password',
        client_id: 'admin-cli',
        username: 'admin',
        password: this.#password,
      }),
    });
    return ((await response.json()) as { access_token: string }).access_token;
  }
}

function randomText(): string {
  return randomBytes(18).toString('base64url');
}
