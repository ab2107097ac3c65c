/** Replaces the first match. Fails when nothing changes: a test of a change that was not made tests something else. */
export function replaceOnce(text: string, from: string | RegExp, to: string): string {
  return changed(text, text.replace(from, to), from);
}

/** One `replaceOnce` after another. */
export function replaceEach(
  text: string,
  ...changes: readonly (readonly [from: string | RegExp, to: string])[]
): string {
  return changes.reduce((current, [from, to]) => replaceOnce(current, from, to), text);
}

/** Replaces every match, and fails when there is none. */
export function replaceEvery(text: string, from: string, to: string): string {
  return changed(text, text.replaceAll(from, to), from);
}

function changed(before: string, after: string, from: string | RegExp): string {
  if (after === before) throw new Error(`nothing to replace: ${String(from)} does not occur, or is what it becomes`);
  return after;
}
