/** A command that was called in a wrong way, which is known only after its options were read. Nothing was changed; the exit code is 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
