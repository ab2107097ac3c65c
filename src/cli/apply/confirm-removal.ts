import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { TenantId } from '../../domain/ids.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { isInteractive, type Terminal } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';

export interface Confirmation {
  /** Confirmed by `--yes`. */
  readonly yes: boolean;
  /** The tenants file, whose content cannot come from the same input as the answers. */
  readonly file: string;
}

/** Whether the removal of whole tenants can be confirmed at all. */
export function canConfirm({ yes, file }: Confirmation, terminal: Terminal): boolean {
  return yes || (file !== '-' && isInteractive(terminal));
}

export function cannotConfirm(): UsageError {
  return new UsageError(
    'whole tenants are removed only when their ids are typed at a terminal, with the file given by name. Nothing was changed. Look at the plan with --dry-run, then add --yes.',
  );
}

/**
 * Lets the operator type the id of each tenant that is removed as a whole.
 *
 * @throws UsageError if there is nobody to ask
 * @throws OperatorError if another text was typed
 */
export async function confirmRemoval(
  removals: readonly TenantId[],
  confirmation: Confirmation,
  terminal: Terminal,
): Promise<void> {
  if (removals.length === 0 || confirmation.yes) return;
  if (!canConfirm(confirmation, terminal)) throw cannotConfirm();
  const lines = createInterface({
    // A terminal itself is paused when the interface is closed, so that the process can end.
    input: terminal.stdin instanceof Readable ? terminal.stdin : Readable.from(terminal.stdin),
  });
  try {
    const answers = lines[Symbol.asyncIterator]();
    for (const id of removals) {
      terminal.stderr.write(`This removes the whole tenant "${id}" and revokes its tokens. Type its id to confirm: `);
      const answer = await answers.next();
      if (answer.done === true || answer.value.trim() !== id)
        throw new OperatorError(`\nThat is not the id of the tenant. Nothing was changed.`);
    }
  } finally {
    lines.close();
  }
}
