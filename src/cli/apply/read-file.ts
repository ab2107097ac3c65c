import { createReadStream } from 'node:fs';
import type { Config } from '../../config/config.ts';
import { visible } from '../../domain/text/visible-text.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import type { PartialTenantsFile } from '../../provisioning/file/partial-tenants-file.ts';
import { type ReadResult, readTenantsFile } from '../../provisioning/file/read-tenants-file.ts';
import { byPosition, describeFault, type ValidationError } from '../../provisioning/file/validation-error.ts';
import { MAX_FILE_BYTES } from '../../provisioning/file/yaml-source.ts';
import { mergeWithStores } from '../../provisioning/plan/plan-tenant.ts';
import { withReadOnly } from '../installation.ts';
import type { Terminal } from '../terminal.ts';

/** Errors that are printed. More have one cause, and would push the first ones off the screen. */
const MAX_PRINTED = 100;

export async function readFileToApply(path: string, config: Config, terminal: Terminal): Promise<PartialTenantsFile> {
  const bytes = path === '-' ? await readAll(terminal.stdin) : await readNamed(path);
  const result = readTenantsFile(bytes, config);
  if ('file' in result) return result.file;
  throw refusedFile(path, [...result.errors, ...(await furtherErrors(result, config))]);
}

async function readNamed(path: string): Promise<Uint8Array> {
  try {
    // Reads at most one byte more than allowed: a device or a growing log, named by mistake, has no end.
    return await readAll(createReadStream(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : 'it cannot be read';
    throw new OperatorError(`${path}: ${reason}. Give the path of a tenants file, or - for standard input.`);
  }
}

async function readAll(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    chunks.push(chunk);
    length += chunk.byteLength;
    // One byte more than allowed is enough for the parser to refuse it.
    if (length > MAX_FILE_BYTES) break;
  }
  return Buffer.concat(chunks);
}

/**
 * The errors of an invalid file that depend on what exists, such as a reference to nothing, so that the operator sees all of them at once. If the
 * stores cannot be read, they are found by the next run.
 */
async function furtherErrors(
  { errors, draft }: Extract<ReadResult, { readonly errors: unknown }>,
  config: Config,
): Promise<readonly ValidationError[]> {
  const found: ValidationError[] = [];
  try {
    await withReadOnly(config, async (stores) => {
      const states = new Map((await stores.controlPlane.readTenants()).map((state) => [state.tenant.id, state]));
      for (const tenant of draft.tenants) {
        const merged = await mergeWithStores(tenant, states.get(tenant.id), stores, { prune: false });
        if ('conflicts' in merged) found.push(...merged.conflicts);
      }
    });
  } catch {
    // The errors that are known are the reason why nothing is applied.
  }
  return found.filter((one) => !errors.some((other) => isSamePlace(one, other)));
}

function isSamePlace(one: ValidationError, other: ValidationError): boolean {
  if (one.line === other.line && one.column === other.column) return true;
  return (
    one.owner !== undefined &&
    one.owner.thing === other.owner?.thing &&
    one.owner.member !== '' &&
    other.owner.member.startsWith(one.owner.member)
  );
}

/** @param path as the operator named the file; undefined if a command wrote what is applied */
export function refusedFile(path: string | undefined, errors: readonly ValidationError[]): OperatorError {
  const name = path === '-' ? '<stdin>' : path;
  const lines = [...errors]
    .sort(byPosition)
    .slice(0, MAX_PRINTED)
    .map((error) => {
      const place =
        name === undefined ? '' : `${name}${error.line === undefined ? '' : `:${error.line}:${error.column}`}: `;
      return visible(`${place}${describeFault(error)}`);
    });
  const left = errors.length - lines.length;
  if (left > 0) lines.push(`… and ${left} more`);
  const count = `${errors.length} error${errors.length === 1 ? '' : 's'}; nothing was changed.`;
  return new OperatorError(
    [...lines, name === undefined ? 'Nothing was changed.' : `${count} Correct the file and apply it again.`].join(
      '\n',
    ),
  );
}
