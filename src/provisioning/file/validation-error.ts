/** A position in the file; line and column count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
  readonly owner?: Owner | undefined;
}

/** The thing that a position belongs to, such as `clients[0] "web"`, and the member of it, such as `surfaces[1]`. Either may be empty. */
export interface Owner {
  readonly thing: string;
  readonly member: string;
}

/** An error in a tenants file. The message names keys and ids, never a value that could be personal data or a secret. */
export interface ValidationError {
  /** Absent for an error about something that is not in the file. */
  readonly line?: number;
  readonly column?: number;
  readonly owner?: Owner;
  readonly message: string;
}

/** Collects the validation errors, so that the operator sees all of them at once. */
export class ValidationErrors {
  readonly #errors: ValidationError[] = [];
  readonly #places = new Set<string>();

  /** An alias brings one place of the file into many things: what is wrong there is one error, named after the first of them. */
  add(at: Position | Owner, message: string): void {
    if ('thing' in at) {
      this.#errors.push({ owner: at, message });
      return;
    }
    const place = `${at.line}:${at.column} ${message}`;
    if (this.#places.has(place)) return;
    this.#places.add(place);
    this.#errors.push({
      line: at.line,
      column: at.column,
      ...(at.owner === undefined ? {} : { owner: at.owner }),
      message,
    });
  }

  /** Sorted by position in the file. */
  list(): readonly ValidationError[] {
    return [...this.#errors].sort(byPosition);
  }
}

/** Errors with a position come first, in the order of the file. */
export function byPosition(a: ValidationError, b: ValidationError): number {
  return (a.line ?? Infinity) - (b.line ?? Infinity) || (a.column ?? 0) - (b.column ?? 0) || 0;
}

/** `clients[0] "web": surfaces must be one of …`, without the position. */
export function describeFault({ owner, message }: ValidationError): string {
  if (owner === undefined) return message;
  const { thing, member } = owner;
  // "must be …" continues the member's name. Other messages are sentences of their own.
  const separator = member === '' ? '' : message.startsWith('must ') ? `${member} ` : `${member}: `;
  return `${thing === '' ? '' : `${thing}: `}${separator}${message}`;
}
