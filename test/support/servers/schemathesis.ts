import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findServer, requireServer } from './required-servers.ts';

export interface SchemathesisRun {
  /** 0: every check passed; 1: some failed; other: it could not run. */
  readonly exitCode: number | null;
  /** Its output, which contains the failing requests. */
  readonly output: string;
}

export function findSchemathesis(): string | undefined {
  return findServer('schemathesis');
}

/**
 * Fuzzes a running server from its OpenAPI document.
 *
 * @param documentUrl e.g. `http://127.0.0.1:3000/docs-json`
 * @param args further options of `schemathesis run`, e.g. `['--max-examples', '50']`
 */
export async function runSchemathesis(documentUrl: string, args: readonly string[] = []): Promise<SchemathesisRun> {
  const program = requireServer('schemathesis');
  // It writes its example database and cache to the working folder.
  const folder = await mkdtemp(join(tmpdir(), 'tessera-schemathesis-'));
  try {
    // A fixed seed, so that a failing run fails again.
    const child = spawn(program, ['run', documentUrl, '--seed', '1', '--no-color', ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'], HOME: folder, LC_ALL: 'C.UTF-8' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks: string[] = [];
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => chunks.push(text));
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    return { exitCode, output: chunks.join('') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
