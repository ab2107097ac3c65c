import { randomBytes } from 'node:crypto';

/** Unique texts that are planted where secrets and addresses belong, and the places where they leaked. */
export class Canaries {
  readonly #canaries = new Map<string, string>();
  readonly #made = new Map<string, string>();
  readonly #found = new Set<string>();
  /** All searched texts. They are searched again for canaries that are added later. */
  readonly #texts: { readonly place: string; readonly text: string; readonly allow: RegExp | undefined }[] = [];

  /** A new canary. It is valid wherever letters, digits and `-` are. */
  plant(what: string): string {
    const canary = `c4nary-${randomBytes(8).toString('hex')}`;
    this.add(what, canary);
    return canary;
  }

  /** The same text each time for the same thing, made with its own canary. */
  once(what: string, make: (canary: string) => string): string {
    let text = this.#made.get(what);
    if (text === undefined) this.#made.set(what, (text = make(this.plant(what))));
    return text;
  }

  /** A text from elsewhere that must not leak either. */
  add(what: string, text: string): void {
    this.#canaries.set(text, what);
  }

  /** @param options.allow names of what may be shown at this place */
  search(place: string, text: string, options: { readonly allow?: RegExp } = {}): void {
    this.#texts.push({ place, text, allow: options.allow });
  }

  /** "what in place", for each canary that leaked. */
  get found(): readonly string[] {
    for (const { place, text, allow } of this.#texts.splice(0)) {
      for (const [canary, what] of this.#canaries) {
        if (allow?.test(what) !== true && occurs(canary, text)) this.#found.add(`${what} in ${place}`);
      }
    }
    return [...this.#found].sort();
  }

  get count(): number {
    return this.#canaries.size;
  }
}

/** Searches for the text itself, and for the spellings in which libraries print values. */
function occurs(canary: string, text: string): boolean {
  return [canary, encodeURIComponent(canary), Buffer.from(canary).toString('base64url').replace(/.$/, '')].some(
    (spelling) => text.includes(spelling),
  );
}
