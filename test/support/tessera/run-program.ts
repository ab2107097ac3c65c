import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { builtProgram } from './built-program.ts';

/** Runs a command as a process of its own, as an operator does. Rejects if it fails. @returns what it prints */
export async function runProgram(
  name: 'cli',
  args: readonly string[],
  { folder, env }: { readonly folder: string; readonly env: Readonly<Record<string, string>> },
): Promise<string> {
  const options = { cwd: folder, env: { PATH: process.env['PATH'], ...env } };
  return (await promisify(execFile)(process.execPath, [builtProgram(name), ...args], options)).stdout;
}
