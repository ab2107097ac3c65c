import type { Config } from '../config/config.ts';
import { type DestinationStream, type Logger, pino } from 'pino';

/** What a log line may carry: ids, counts and fixed words. Errors, requests and anything with a secret, a token or an e-mail stay out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * The one writer of log lines: JSON, one line an event, to standard output.
 *
 * `event` is a fixed word in snake_case that an operator can search for; everything variable is a field.
 */
export class Log {
  readonly #logger: Logger;

  constructor(level: Config['logLevel'], destination: DestinationStream) {
    // No pid and host name: whoever collects the lines knows where they come from.
    this.#logger = pino({ level, base: null, messageKey: 'event' }, destination);
  }

  debug(event: string, fields: LogFields = {}): void {
    this.#logger.debug(fields, event);
  }

  info(event: string, fields: LogFields = {}): void {
    this.#logger.info(fields, event);
  }

  warn(event: string, fields: LogFields = {}): void {
    this.#logger.warn(fields, event);
  }

  error(event: string, fields: LogFields = {}): void {
    this.#logger.error(fields, event);
  }
}
