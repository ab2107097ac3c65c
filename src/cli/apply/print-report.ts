import { nameOf } from '../../clients/client-secret.store.ts';
import { Secret } from '../../config/secret.ts';
import type { Report } from '../../provisioning/apply/apply-plan.ts';
import { explainError } from '../explain-error.ts';
import { describeChange } from './describe-change.ts';
import { type OutputFormat, printJson, printLines, printText, type Terminal } from '../terminal.ts';

/** Prints a plan or what was done. Failures go to standard error. */
export function printReport(
  { changes, secrets, failures }: Report,
  { output, dryRun }: { readonly output: OutputFormat; readonly dryRun: boolean },
  terminal: Terminal,
): void {
  // Shows each new secret once, to the operator who ran the command.
  const shown = secrets.map(({ client, secret }) => ({ client, value: Secret.reveal(secret) }));
  if (output === 'json') {
    printJson(terminal.stdout, {
      changes,
      secrets: shown.map(({ client, value }) => ({
        tenant_id: client.tenantId,
        project_id: client.projectId,
        client_id: client.clientId,
        secret_id: value,
      })),
    });
  } else {
    printLines(terminal.stdout, [
      ...changes.map(describeChange),
      summary(changes.length, dryRun),
      ...(shown.length === 0 ? [] : ['', 'Secrets, shown only once (secret_id):']),
      ...shown.map(({ client, value }) => `  ${nameOf(client)}  ${value}`),
    ]);
  }
  for (const { tenantId, error } of failures)
    printText(terminal.stderr, `tenant "${tenantId}" was not finished: ${explainError(error)}`);
}

function summary(count: number, dryRun: boolean): string {
  if (count === 0) return 'Nothing to change.';
  const changes = `${count} change${count === 1 ? '' : 's'}`;
  return dryRun ? `${changes} to make; this was a dry run.` : `${changes} made.`;
}
