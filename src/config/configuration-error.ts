import { OperatorError } from '../errors/operator-error.ts';

/** A mistake in the configuration, which stops the start. Each entry of `errors` names a setting and what it must be, never its present value. */
export class ConfigurationError extends OperatorError {
  readonly errors: readonly string[];

  constructor(errors: readonly string[]) {
    super(`The configuration has ${errors.length} error(s):\n${errors.map((error) => `  - ${error}`).join('\n')}`);
    this.name = 'ConfigurationError';
    this.errors = errors;
  }
}
