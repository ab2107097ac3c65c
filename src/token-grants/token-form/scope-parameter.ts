import { isGrantName } from '../../domain/names.ts';
import { TesseraError } from '../../errors/tessera-error.ts';

/**
 * Parses `scope` (RFC 6749, section 3.3): names with one space between. Their order has no meaning.
 *
 * @throws TesseraError invalid_scope
 */
export function parseScope(value: string | undefined): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const names = value.split(' ');
  if (!names.every(isGrantName))
    throw new TesseraError('invalid_scope', 'the scope is malformed', {
      detail: 'scope must be names with one space between.',
    });
  const distinct = new Set(names);
  return distinct.size === names.length ? names : [...distinct];
}
