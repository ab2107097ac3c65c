import { randomBytes } from 'node:crypto';

/** Unique texts that were planted where secrets and addresses belong, and the places where they came out. */
export class Canaries {
  readonly #canaries = new Map<string, string>();
  readonly #made = new Map<string, string>();
  readonly #found = new Set<string>();
  /** Text that was searched already is searched again for canaries that came later. */
  readonly #texts: { readonly place: string; readonly text: string; readonly allow: RegExp | undefined }[] = [];

  /** A new canary, good wherever letters, digits and - are. */
  plant(what: string): string {
    const canary = `c4nary-${randomBytes(8).toString('hex')}`;
    this.add(what, canary);
    return canary;
  }

  /** The same text each time for the same thing, made with a canary of its own. */
  once(what: string, make: (canary: string) => string): string {
    let text = this.#made.get(what);
    if (text === undefined) this.#made.set(what, (text = make(this.plant(what))));
    return text;
  }

  /** Something that others made and that must not come out either. */
  add(what: string, text: string): void {
    this.#canaries.set(text, what);
  }

  /** @param options.allow what may be shown at this place, by its name */
  search(place: string, text: string, options: { readonly allow?: RegExp } = {}): void {
    this.#texts.push({ place, text, allow: options.allow });
  }

  /** "what in place", for each canary that was found. */
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

/** As it is, and in the spellings in which libraries print what they were given. */
function occurs(canary: string, text: string): boolean {
  return [canary, encodeURIComponent(canary), Buffer.from(canary).toString('base64url').replace(/.$/, '')].some(
    (spelling) => text.includes(spelling),
  );
}
