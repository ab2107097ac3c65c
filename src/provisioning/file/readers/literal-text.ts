import { exactText, type Reader } from './read-fields.ts';
import type { ValidationErrors } from '../validation-error.ts';
import type { SourceNode } from '../source-node.ts';

// Patterns of other products, such as `repo:acme/*` and the `{tenantid}` of Entra ID's metadata.
const PATTERN = /\*|\{tenantid\}/i;

/**
 * Reports a text that looks like a pattern. The text is compared to the letter, so that a pattern would match nothing; and whoever wrote it believes
 * that it matches something else.
 *
 * @returns whether the text is literal
 */
export function isLiteral(text: string, node: Pick<SourceNode, 'at'>, errors: ValidationErrors): boolean {
  if (!PATTERN.test(text)) return true;
  errors.add(
    node.at,
    'must not have "*" or "{tenantid}": it is compared to the letter, and there are no patterns; write what the token has',
  );
  return false;
}

/** Reads an exact text that is no pattern. */
export const literalText: Reader<string> = (node, errors) => {
  const text = exactText(node, errors);
  return text !== undefined && isLiteral(text, node, errors) ? text : undefined;
};
