import { visibleJson } from '../../domain/text/visible-text.ts';
import type { TesseraError } from '../../errors/tessera-error.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { type Explanation, wordsOf } from '../../token-grants/explain.ts';
import { explainError } from '../explain-error.ts';
import { type OutputFormat, printJson, printLines, printText, table, type TextSink } from '../terminal.ts';
import type { ExplainedDirectories } from './explained-directories.ts';
import { type ExplainedScope, explainedScopes, onlyScope } from './explained-scopes.ts';

export interface ShownExplanation {
  /** Show this scope only; undefined: all. */
  readonly scope: string | undefined;
  readonly output: OutputFormat;
  /** Lines for people that follow a refusal. */
  readonly notesOn: (refusal: TesseraError) => readonly string[];
}

/** @throws OperatorError if there would be no token */
export function showExplanation(
  stdout: TextSink,
  explanation: Explanation,
  { paths, subjectClient }: ExplainedDirectories,
  { scope, output, notesOn }: ShownExplanation,
): void {
  const { steps, claims, refusal, authenticated } = explanation;
  const all = authenticated === undefined ? [] : explainedScopes(authenticated, paths ?? [], subjectClient);
  const scopes = scope === undefined || paths === undefined ? all : onlyScope(all, scope);
  if (output === 'json')
    printJson(stdout, { decision: refusal === undefined ? 'yes' : 'no', claims: claims ?? null, scopes, steps });
  else printExplanation(stdout, explanation, scopes);
  if (refusal !== undefined) throw new OperatorError([noTokenText(refusal), ...notesOn(refusal)].join('\n'));
}

/** Why there would be no token and, if something does not answer, what mends that. */
export function noTokenText(refusal: TesseraError): string {
  const reason = `There would be no token: ${wordsOf(refusal).replace(/\.$/, '')}.`;
  return refusal.failure === undefined ? reason : `${reason}\n${explainError(refusal)}`;
}

function printExplanation(sink: TextSink, { steps, claims }: Explanation, scopes: readonly ExplainedScope[]): void {
  printLines(sink, table(steps.map(({ step, outcome, reason }) => [step, outcome, reason ?? ''])));
  if (scopes.length > 0) printLines(sink, ['', ...table(scopes.map(scopeRow))]);
  else if (claims !== undefined) printLines(sink, ['', 'The subject has no scopes.']);
  if (claims !== undefined) printText(sink, `\nThe token would hold:\n${visibleJson(claims)}`);
}

function scopeRow({ scope, role, group, cut }: ExplainedScope): readonly string[] {
  const from = role === null ? '-' : `role ${role}${group === undefined ? '' : ` (group ${group})`}`;
  return [scope, from, cut === undefined ? '' : `CUT: ${cut}`];
}
