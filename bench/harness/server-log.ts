import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';

/** Copies the lines that tell of a failure: warnings and errors, and requests that were answered with 5xx, each with its private reason. */
export async function copyFailures(log: string, target: string): Promise<void> {
  const output = createWriteStream(target);
  for await (const line of createInterface({ input: createReadStream(log) }))
    if (/^{"level":[456]0|temporarily_unavailable|server_error/.test(line)) output.write(`${line}\n`);
  output.end();
  await finished(output);
}
