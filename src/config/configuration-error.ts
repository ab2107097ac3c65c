import { OperatorError } from '../errors/operator-error.ts';

/** An operator's mistake: stops the start. Each fault names a setting and what it takes, never the value that it has. */
export class ConfigurationError extends OperatorError {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`The configuration has ${faults.length} fault(s):\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.name = 'ConfigurationError';
    this.faults = faults;
  }
}
