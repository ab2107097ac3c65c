import { TesseraError } from '../../errors/tessera-error.ts';
import { decodeFormText, type FormParameters } from '../../domain/text/form-text.ts';

/** Several times as many as any request of the RFCs has. */
const MAX_PARAMETERS = 32;

/**
 * Parses `application/x-www-form-urlencoded` in UTF-8 (RFC 6749, appendix B). Refuses repeated names (section 3.2) and everything that decoders read
 * in different ways.
 *
 * @param emptyValues what a parameter without a value is
 * @throws TesseraError invalid_request
 */
export function parseForm(bytes: Buffer, emptyValues: 'absent' | 'refused'): FormParameters {
  const text = bytes.toString('latin1');
  // In a valid form, all other characters are percent-encoded.
  if (!/^[\x21-\x7e]*$/.test(text)) throw refused('the form has bytes that must be percent-encoded');
  const parameters = new Map<string, string>();
  const names = new Set<string>();
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    if (names.size === MAX_PARAMETERS) throw refused('the form has too many parameters');
    const equals = pair.indexOf('=');
    const name = decodeFormText(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? '' : decodeFormText(pair.slice(equals + 1));
    if (name === undefined || value === undefined) throw refused('the form is not percent-encoded UTF-8');
    if (names.has(name)) throw refused('a parameter of the form is there twice');
    names.add(name);
    if (value !== '') parameters.set(name, value);
    else if (emptyValues === 'refused') throw refused('a parameter of the form has no value');
  }
  return parameters;
}

function refused(reason: string): TesseraError {
  return new TesseraError('invalid_request', reason, {
    detail: `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`,
  });
}
