/** A mistake of the operator. It stops the start or the command. The message is safe to print: it ends with the fix and holds no secret. */
export class OperatorError extends Error {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'OperatorError';
    // The cause may be a database driver's error that contains the host and user.
    Object.defineProperty(this, 'cause', { enumerable: false });
  }
}
