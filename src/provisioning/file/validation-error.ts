/** A position in the file; line and column count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A validation error of a tenants file. The message names keys and ids, never a value that could be personal data or a secret. */
export interface ValidationError extends Position {
  readonly message: string;
}

/** Collects the validation errors, so that the operator sees all of them at once. */
export class ValidationErrors {
  readonly #errors: ValidationError[] = [];

  add(at: Position, message: string): void {
    this.#errors.push({ line: at.line, column: at.column, message });
  }

  /** Sorted by position in the file. */
  list(): readonly ValidationError[] {
    return [...this.#errors].sort((a, b) => a.line - b.line || a.column - b.column);
  }
}
