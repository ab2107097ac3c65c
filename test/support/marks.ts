import { randomBytes } from 'node:crypto';

/** Unique texts that were planted where secrets and addresses belong, and the places where they came out. */
export class Marks {
  readonly #marks = new Map<string, string>();
  readonly #made = new Map<string, string>();
  readonly #found = new Set<string>();
  /** Text that was searched already is searched again for marks that came later. */
  readonly #texts: { readonly place: string; readonly text: string; readonly allow: RegExp | undefined }[] = [];

  /** A new mark, good wherever letters, digits and - are. */
  plant(what: string): string {
    const mark = `m4rk-${randomBytes(8).toString('hex')}`;
    this.add(what, mark);
    return mark;
  }

  /** The same text each time for the same thing, made with a mark of its own. */
  once(what: string, make: (mark: string) => string): string {
    let text = this.#made.get(what);
    if (text === undefined) this.#made.set(what, (text = make(this.plant(what))));
    return text;
  }

  /** Something that others made and that must not come out either. */
  add(what: string, text: string): void {
    this.#marks.set(text, what);
  }

  /** @param options.allow what may be shown at this place, by its name */
  search(place: string, text: string, options: { readonly allow?: RegExp } = {}): void {
    this.#texts.push({ place, text, allow: options.allow });
  }

  /** "what in place", for each mark that was found. */
  get found(): readonly string[] {
    for (const { place, text, allow } of this.#texts.splice(0)) {
      for (const [mark, what] of this.#marks) {
        if (allow?.test(what) !== true && occurs(mark, text)) this.#found.add(`${what} in ${place}`);
      }
    }
    return [...this.#found].sort();
  }

  get count(): number {
    return this.#marks.size;
  }
}

/** As it is, and in the spellings in which libraries print what they were given. */
function occurs(mark: string, text: string): boolean {
  return [mark, encodeURIComponent(mark), Buffer.from(mark).toString('base64url').replace(/.$/, '')].some((spelling) =>
    text.includes(spelling),
  );
}
