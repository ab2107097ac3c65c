import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { freePort, type RunningProcess, startProcess } from './process.ts';
import { findServer, requireServer } from './required-servers.ts';

/** OpenBao, which has Vault's API, with a KV version 2 engine at `kv`. */
export interface RunningOpenBao {
  readonly port: number;
  /** For `VAULT_ADDR`. */
  readonly address: string;
  readonly rootToken: string;
  /** Sends a request with the root token. Rejects if the status is neither a success nor 404. */
  api(method: string, path: string, body?: unknown): Promise<OpenBaoAnswer>;
  /** A token with exactly the permissions that Tessera needs. */
  createToken(options?: Readonly<Record<string, unknown>>): Promise<string>;
  /** An AppRole with the same permissions; `tokens` are its token settings, e.g. `{ token_ttl: '2s' }`. */
  createAppRole(tokens?: Readonly<Record<string, unknown>>): Promise<OpenBaoAppRole>;
  /** Stops the server and removes its folder. */
  close(): Promise<void>;
}

export interface OpenBaoAppRole {
  readonly name: string;
  readonly roleId: string;
  readonly secretId: string;
}

export interface OpenBaoAnswer {
  readonly status: number;
  // Test code reads single members of many shapes.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any;
}

/** An OpenBao that keeps its data, for tests that break it. */
export interface RaftOpenBao extends RunningOpenBao {
  seal(): Promise<void>;
  /** Resolves when it is available again. */
  unseal(): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again with its data. It is then sealed. */
  start(): Promise<void>;
}

/** The permissions of Tessera, as in docs/operation.md. */
const POLICY = `
path "kv/data/*"     { capabilities = ["create", "read", "update"] }
path "kv/metadata/*" { capabilities = ["list", "read", "delete"] }
`;

export function findOpenBao(): string | undefined {
  return findServer('openbao');
}

/** In memory, unsealed, ready in about a second. */
export async function startOpenBaoDev(): Promise<RunningOpenBao> {
  const program = requireServer('openbao');
  const folder = await mkdtemp(join(tmpdir(), 'tessera-openbao-'));
  const port = await freePort();
  const rootToken = 'root';
  const server = await startProcess(
    program,
    [
      'server',
      '-dev',
      '-dev-no-store-token',
      `-dev-root-token-id=${rootToken}`,
      `-dev-listen-address=127.0.0.1:${port}`,
    ],
    { cwd: folder, env: { ...process.env, HOME: folder }, ready: () => isActive(port) },
  );
  await prepare(port, rootToken);
  return {
    ...operator(port, rootToken),
    close: async () => {
      await server.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** With TLS and a certificate of its own authority; its KV version 2 engine is at `secret`. */
export async function startOpenBaoTls(): Promise<
  Pick<RunningOpenBao, 'address' | 'rootToken' | 'close'> & { readonly authorityFile: string }
> {
  const program = requireServer('openbao');
  const folder = await mkdtemp(join(tmpdir(), 'tessera-openbao-'));
  const port = await freePort();
  const server = await startProcess(
    program,
    [
      ...['server', '-dev', '-dev-no-store-token', '-dev-root-token-id=root', `-dev-listen-address=127.0.0.1:${port}`],
      ...['-dev-tls', `-dev-tls-cert-dir=${folder}`],
    ],
    {
      cwd: folder,
      env: { ...process.env, HOME: folder },
      ready: (running) => running.output().includes('Development mode should NOT be used'),
    },
  );
  return {
    address: `https://127.0.0.1:${port}`,
    rootToken: 'root',
    authorityFile: join(folder, 'vault-ca.pem'),
    close: async () => {
      await server.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** With raft storage on disk, initialized and unsealed. Takes a few seconds. */
export async function startOpenBaoRaft(): Promise<RaftOpenBao> {
  const program = requireServer('openbao');
  const folder = await mkdtemp(join(tmpdir(), 'tessera-openbao-'));
  const port = await freePort();
  const config = join(folder, 'config.hcl');
  await writeFile(
    config,
    `storage "raft" {
       path = "${folder}"
       node_id = "one"
     }
     listener "tcp" {
       address = "127.0.0.1:${port}"
       tls_disable = true
     }
     api_addr = "http://127.0.0.1:${port}"
     cluster_addr = "http://127.0.0.1:${await freePort()}"
    `,
  );
  const start = () =>
    startProcess(program, ['server', `-config=${config}`], {
      cwd: folder,
      env: { ...process.env, HOME: folder },
      ready: async () => (await healthOf(port)) !== undefined,
    });
  let server: RunningProcess = await start();
  const { body: keys } = await request(port, '', 'PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 });
  const { keys_base64: unsealKeys, root_token: rootToken } = keys as { keys_base64: string[]; root_token: string };
  const unseal = async () => {
    await request(port, '', 'PUT', 'sys/unseal', { key: unsealKeys[0] });
    await eventually('OpenBao is active', () => isActive(port));
  };
  await unseal();
  await prepare(port, rootToken);
  return {
    ...operator(port, rootToken),
    seal: async () => {
      await request(port, rootToken, 'PUT', 'sys/seal');
    },
    unseal,
    stop: async (signal = 'SIGTERM') => {
      await server.end(signal);
    },
    start: async () => {
      server = await start();
    },
    close: async () => {
      await server.end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function operator(port: number, rootToken: string): Omit<RunningOpenBao, 'close'> {
  const api = (method: string, path: string, body?: unknown) => request(port, rootToken, method, path, body);
  return {
    port,
    address: `http://127.0.0.1:${port}`,
    rootToken,
    api,
    createToken: async (options) => {
      const { body } = await api('POST', 'auth/token/create', { policies: ['tessera'], ...options });
      return body.auth.client_token as string;
    },
    createAppRole: async (tokens) => {
      // A new role each time, because settings of a role that is written again stay.
      const name = `tessera-${randomUUID()}`;
      await api('POST', `auth/approle/role/${name}`, { token_policies: ['tessera'], ...tokens });
      const role = await api('GET', `auth/approle/role/${name}/role-id`);
      const secret = await api('POST', `auth/approle/role/${name}/secret-id`, {});
      return { name, roleId: role.body.data.role_id as string, secretId: secret.body.data.secret_id as string };
    },
  };
}

export async function prepare(port: number, token: string): Promise<void> {
  await request(port, token, 'POST', 'sys/mounts/kv', { type: 'kv', options: { version: '2' } });
  await request(port, token, 'POST', 'sys/auth/approle', { type: 'approle' });
  await request(port, token, 'PUT', 'sys/policies/acl/tessera', { policy: POLICY });
  // A new engine refuses writes while it sets up its storage.
  const isSetUp = async () => (await tryRequest(port, token, 'GET', 'kv/config'))?.status === 200;
  await eventually('the engine is set up', isSetUp);
}

async function isActive(port: number): Promise<boolean> {
  return (await healthOf(port)) === 200;
}

/** 200 active, 429 standby, 501 not initialized, 503 sealed; undefined without a response. */
export async function healthOf(port: number): Promise<number | undefined> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/v1/sys/health`)).status;
  } catch {
    return undefined;
  }
}

async function tryRequest(...args: Parameters<typeof request>): Promise<OpenBaoAnswer | undefined> {
  try {
    return await request(...args);
  } catch {
    return undefined;
  }
}

export async function request(
  port: number,
  token: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<OpenBaoAnswer> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/${path}`, {
    method,
    headers: token === '' ? {} : { 'X-Vault-Token': token },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok && response.status !== 404) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}
