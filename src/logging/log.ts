import type { Config } from '../config/config.ts';
import { type DestinationStream, type Logger, pino } from 'pino';

/** What a log line may hold: ids, counts and fixed words. Never errors, requests, or anything with a secret, a token or an email address. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * Writes all log lines: JSON, one line per event. Standard output rewrites them for people if it is a terminal.
 *
 * `event` is a fixed word in snake_case that an operator can search for; everything variable is a field.
 */
export class Log {
  readonly #logger: Logger;

  constructor(level: Config['logLevel'], destination: DestinationStream) {
    // No pid and host name: the log collector adds the source.
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
