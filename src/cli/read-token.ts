import { OperatorError } from '../errors/operator-error.ts';

/** Several times the size of the largest token. */
const MAX_INPUT_BYTES = 64 * 1024;

/**
 * Reads a token from standard input, without the white space around it.
 *
 * @throws OperatorError for too much input
 */
export async function readToken(stdin: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    bytes += chunk.length;
    if (bytes > MAX_INPUT_BYTES) throw new OperatorError('Standard input is too long for a token: give one token.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8').trim();
}
