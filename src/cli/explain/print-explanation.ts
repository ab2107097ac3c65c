import { visibleJson } from '../../domain/visible-text.ts';
import type { TesseraError } from '../../errors/tessera-error.ts';
import { type Explanation, wordsOf } from '../../token-grants/explain.ts';
import { explainError } from '../explain-error.ts';
import { printLines, printText, table, type TextSink } from '../terminal.ts';
import type { ExplainedScope } from './explained-scopes.ts';

/** Why there would be no token and, if something does not answer, what mends that. */
export function noTokenText(refusal: TesseraError): string {
  const reason = `There would be no token: ${wordsOf(refusal).replace(/\.$/, '')}.`;
  return refusal.failure === undefined ? reason : `${reason}\n${explainError(refusal)}`;
}

export function printExplanation(
  sink: TextSink,
  { steps, claims }: Explanation,
  scopes: readonly ExplainedScope[],
): void {
  printLines(sink, table(steps.map(({ step, outcome, reason }) => [step, outcome, reason ?? ''])));
  if (scopes.length > 0) printLines(sink, ['', ...table(scopes.map(scopeRow))]);
  else if (claims !== undefined) printLines(sink, ['', 'The subject has no scopes.']);
  if (claims !== undefined) printText(sink, `\nThe token would hold:\n${visibleJson(claims)}`);
}

function scopeRow({ scope, role, group, cut }: ExplainedScope): readonly string[] {
  const from = role === null ? '-' : `role ${role}${group === undefined ? '' : ` (group ${group})`}`;
  return [scope, from, cut === undefined ? '' : `CUT: ${cut}`];
}
