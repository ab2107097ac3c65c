import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../test/support/servers/process.ts';
import { REPOSITORY } from '../../test/support/servers/required-servers.ts';
import type { PostLoad } from './load.ts';
import { type NodeInstallation, THIS_NODE } from './node-installation.ts';
import { type PinnedProcess, SERVER_CORE, startPinned } from './pinned-process.ts';
import { SAMPLE } from '../sample/sample-request.ts';

export const GENERATE_TOKEN = '/auth/user/generateToken';

export interface StartOptions {
  readonly node?: NodeInstallation | undefined;
  readonly heapMiB?: number;
  /** Default true. */
  readonly countsAllocations?: boolean;
}

/** Tessera as it is shipped: `dist/cli.js` provisions, `dist/main.js` serves, both with the same settings. */
export class Tessera {
  readonly #folder: string;
  readonly #port: number;
  readonly #env: NodeJS.ProcessEnv;
  readonly #secrets = new Map<string, string>();

  private constructor(folder: string, port: number, env: NodeJS.ProcessEnv) {
    this.#folder = folder;
    this.#port = port;
    this.#env = env;
  }

  /** @param settings in addition to the defaults; none: embedded stores */
  static async in(folder: string, settings: Readonly<Record<string, string>> = {}): Promise<Tessera> {
    if (!existsSync(join(REPOSITORY, 'dist/main.js'))) throw new Error('dist/main.js is missing; run: npm run build');
    const port = await freePort();
    await mkdir(folder, { recursive: true });
    return new Tessera(folder, port, {
      HOST: '127.0.0.1',
      PORT: String(port),
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      TESSERA_DATA_DIR: join(folder, 'data'),
      LOG_LEVEL: 'info',
      ...settings,
    });
  }

  /** `tessera apply`; keeps the clients' secrets, which are shown once. */
  async apply(tenantsFile: string, ...options: readonly string[]): Promise<void> {
    const output = await this.#cli(['apply', '-f', '-', '--output', 'json', ...options], tenantsFile);
    const { secrets } = JSON.parse(output) as { secrets: readonly { tenant_id: string; secret_id: string }[] };
    for (const secret of secrets) this.#secrets.set(secret.tenant_id, secret.secret_id);
  }

  /** Any other command, which has to succeed. @returns what it prints */
  command(...args: readonly string[]): Promise<string> {
    return this.#cli(args, '');
  }

  /** `tessera doctor`, which has to find nothing. @returns how long it took, in seconds */
  async examine(): Promise<number> {
    const startedAt = performance.now();
    await this.#cli(['doctor', '--replicas', '1', '--output', 'json'], '');
    return (performance.now() - startedAt) / 1000;
  }

  /** The body of a request for one user of one tenant. */
  body(tenant: string, email: string): string {
    return JSON.stringify({
      client_id: SAMPLE.client,
      email_id: email,
      project_id: SAMPLE.project,
      tenant_id: tenant,
      secret_id: this.secretOf(tenant),
    });
  }

  /** The secret of the client of one tenant. */
  secretOf(tenant: string): string {
    const secret = this.#secrets.get(tenant);
    if (secret === undefined) throw new Error(`no secret was shown for tenant ${tenant}`);
    return secret;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The folder of the embedded stores. */
  get dataFolder(): string {
    return join(this.#folder, 'data');
  }

  /** What the server prints. */
  get logFile(): string {
    return join(this.#folder, 'access.log');
  }

  load(bodies: readonly string[], path = GENERATE_TOKEN): PostLoad {
    return { url: this.url + path, contentType: 'application/json', bodies };
  }

  /**
   * Starts `node dist/main.js` on the servers' core. It is not yet listening when this resolves.
   *
   * @param heapMiB what an operator with many tenants sets (docs/operation.md)
   */
  start({ node = THIS_NODE, heapMiB, countsAllocations = true }: StartOptions = {}): Promise<PinnedProcess> {
    return startPinned(SERVER_CORE, [node.program, join(node.tree, 'dist/main.js')], {
      cwd: this.#folder,
      env: { ...this.#env, ...(heapMiB !== undefined && { NODE_OPTIONS: `--max-old-space-size=${heapMiB}` }) },
      logFile: this.logFile,
      countsAllocations,
    });
  }

  #cli(args: readonly string[], input: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [join(REPOSITORY, 'dist/cli.js'), ...args], {
        cwd: this.#folder,
        env: { PATH: process.env['PATH'], ...this.#env },
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
      child.once('error', reject);
      child.once('close', (code) => {
        if (code === 0) resolve(output);
        else reject(new Error(`tessera ${args[0] ?? ''} ended with ${code ?? 'a signal'}`));
      });
      child.stdin.end(input);
    });
  }
}
