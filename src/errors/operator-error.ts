/**
 * A mistake of whoever installs or runs the service: it stops the start or the command. The message is for that person, ends with the
 * fix, and holds no secret.
 */
export class OperatorError extends Error {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'OperatorError';
    // The cause may be a database driver's error with host and user in it.
    Object.defineProperty(this, 'cause', { enumerable: false });
  }
}
