import { TesseraError } from '../../errors/tessera-error.ts';

/**
 * One parameter of a parsed query; undefined if it is absent.
 *
 * @throws TesseraError invalid_request if it occurs twice, because it would be ambiguous which value applies
 */
export function queryParameter(query: unknown, name: string): string | undefined {
  const value = (query as Readonly<Record<string, unknown>>)[name];
  if (value === undefined || typeof value === 'string') return value;
  throw new TesseraError('invalid_request', 'a query parameter is there twice', { detail: `${name} is given twice.` });
}
