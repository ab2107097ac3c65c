import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** One line that a program of this folder prints: what a step got, or the error code that the endpoint gave. */
export interface Step {
  readonly access_token?: string;
  readonly error?: string;
  readonly [member: string]: unknown;
}

export interface StepsProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a program to its end. Its settings come on standard input, because they contain secrets.
 *
 * @throws with what it wrote to standard error, unless it ends with 0
 */
export async function runSteps(
  program: StepsProgram,
  settings: Readonly<Record<string, unknown>>,
): Promise<ReadonlyMap<string, Step>> {
  const child = spawn(program.command, program.args, {
    // Without this process's environment, which comes from Jest. HOME is where a program may keep what it compiled.
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...program.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 240_000,
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // A program that has ended cannot read: its exit code says more than a broken pipe.
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(settings));
  const [output, complaints, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code !== 0) throw new Error(`${program.command} ended with ${code}:\n${complaints}`);
  const lines = output.trim().split('\n');
  return new Map(
    lines.map((line) => {
      const { step, ...result } = JSON.parse(line) as Step & { readonly step: string };
      return [step, result];
    }),
  );
}

/** @throws if the program has no such step, so that a test of a renamed step cannot pass */
export function stepOf(steps: ReadonlyMap<string, Step>, name: string): Step {
  const step = steps.get(name);
  if (step === undefined) throw new Error(`there is no step "${name}"`);
  return step;
}
