import { TesseraError } from '../../errors/tessera-error.ts';

/**
 * One parameter of a parsed query; undefined when it is not there.
 *
 * @throws TesseraError invalid_request when it is there twice: nobody shall have to guess which one counted
 */
export function queryParameter(query: unknown, name: string): string | undefined {
  const value = (query as Readonly<Record<string, unknown>>)[name];
  if (value === undefined || typeof value === 'string') return value;
  throw new TesseraError('invalid_request', 'a query parameter is there twice', { detail: `${name}: given twice` });
}
