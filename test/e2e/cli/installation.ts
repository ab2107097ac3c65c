import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../../src/cli/program.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import type { Config } from '../../../src/config/config.ts';
import { SystemClock, type Clock } from '../../../src/domain/clock.ts';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A separate folder with the embedded stores. Commands run the real program with captured streams. */
export class TestInstallation {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;

  private constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.env = env;
  }

  static async make(env: Readonly<Record<string, string>> = {}): Promise<TestInstallation> {
    return new TestInstallation(await mkdtemp(join(tmpdir(), 'tessera-cli-')), { TESSERA_DATA_DIR: 'data', ...env });
  }

  get dataDirectory(): string {
    return join(this.folder, 'data');
  }

  config(): Config {
    return loadConfig(this.env, { cwd: this.folder });
  }

  async run(
    args: readonly string[],
    options: { stdin?: string; isTTY?: boolean; clock?: Clock } = {},
  ): Promise<CliResult> {
    const written = { stdout: '', stderr: '' };
    const sink = (name: keyof typeof written) => ({
      write: (text: string) => (written[name] += text),
      isTTY: options.isTTY ?? false,
    });
    const code = await runCli(args, {
      stdin: bytesOf(options.stdin ?? ''),
      stdout: sink('stdout'),
      stderr: sink('stderr'),
      clock: options.clock ?? new SystemClock(),
      loadConfig: () => this.config(),
    });
    return { code, ...written };
  }

  /** Applies a file given as text. */
  apply(text: string, ...args: string[]): Promise<CliResult> {
    return this.run(['apply', '-f', '-', ...args], { stdin: text });
  }

  /** Applies and reads the JSON that it prints. Fails when the command does. */
  async applied(text: string, ...args: string[]): Promise<Applied> {
    const result = await this.apply(text, '--output', 'json', ...args);
    if (result.code !== 0) throw new Error(`apply ended with ${result.code}: ${result.stderr}`);
    return JSON.parse(result.stdout) as Applied;
  }

  async write(name: string, text: string): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, text);
    return path;
  }

  /** Every file and folder with its mode, modification time and content; undefined without a data directory. */
  async fingerprint(): Promise<Record<string, string> | undefined> {
    const names = await readdir(this.dataDirectory, { recursive: true }).catch(() => undefined);
    if (names === undefined) return undefined;
    const entries = await Promise.all(
      names.sort().map(async (name) => {
        const path = join(this.dataDirectory, name);
        const info = await stat(path, { bigint: true });
        const content = info.isFile()
          ? createHash('sha256')
              .update(await readFile(path))
              .digest('hex')
          : 'folder';
        return [name, `${info.mode} ${info.mtimeNs} ${info.ino} ${content}`] as const;
      }),
    );
    return Object.fromEntries(entries);
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

export interface Applied {
  readonly changes: readonly {
    readonly action: string;
    readonly kind: string;
    readonly id: string;
    readonly fields: readonly { readonly field: string; readonly from?: unknown; readonly to?: unknown }[];
  }[];
  readonly secrets: readonly {
    readonly tenant_id: string;
    readonly project_id: string;
    readonly client_id: string;
    readonly secret_id: string;
  }[];
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new TextEncoder().encode(text));
}
