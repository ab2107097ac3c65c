import { LRUCache } from 'lru-cache';
import type { FormParameters } from '../../domain/text/form-text.ts';
import { parseForm } from './parse-form.ts';

const KEPT_FORMS = 512;
const KEPT_BYTES = 512;
/** Only forms of these are kept, because their values are no secrets. */
const KEPT_PARAMETERS: ReadonlySet<string> = new Set(['grant_type', 'scope', 'audience', 'resource']);

/**
 * Parses forms without empty values, and keeps the parameters of recent ones: a client sends the same bytes for each token of its own. Two texts that
 * differ in one byte are two forms.
 */
export class RecentForms {
  readonly #kept = new LRUCache<string, FormParameters>({ max: KEPT_FORMS });

  /** @throws TesseraError invalid_request */
  parse(bytes: Buffer): FormParameters {
    if (bytes.length > KEPT_BYTES) return parseForm(bytes, 'refused');
    const text = bytes.toString('latin1');
    const kept = this.#kept.get(text);
    if (kept !== undefined) return kept;
    const parameters = parseForm(bytes, 'refused');
    if ([...parameters.keys()].every((name) => KEPT_PARAMETERS.has(name))) this.#kept.set(text, parameters);
    return parameters;
  }
}
