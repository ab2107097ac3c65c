import type { Config } from '../config/config.ts';
import { type DestinationStream, pino } from 'pino';
import { flatJsonMembers, type FlatFields } from './flat-json.ts';

/** What a log line may hold: ids, counts and fixed words. Never errors, requests, or anything with a secret, a token or an email address. */
export type LogFields = FlatFields;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const VALUES = pino.levels.values as Readonly<Record<LogLevel, number>>;

/**
 * Writes all log lines: JSON in pino's form, one line per event. Standard output rewrites them for people if it is a terminal.
 *
 * `event` is a fixed word in snake_case that an operator can search for; everything variable is a field. No pid and host name: the log collector adds
 * the source. pino's own serializer takes any object; for these flat fields it cost more than all other work of a line.
 */
export class Log {
  readonly #destination: DestinationStream;
  /** Lines of a lower level are not written. */
  readonly #from: number;

  constructor(level: Config['logLevel'], destination: DestinationStream) {
    this.#from = level === 'silent' ? Infinity : VALUES[level];
    this.#destination = destination;
  }

  debug(event: string, fields: LogFields = {}): void {
    this.#write('debug', event, fields);
  }

  info(event: string, fields: LogFields = {}): void {
    this.#write('info', event, fields);
  }

  warn(event: string, fields: LogFields = {}): void {
    this.#write('warn', event, fields);
  }

  error(event: string, fields: LogFields = {}): void {
    this.#write('error', event, fields);
  }

  isWritten(level: LogLevel): boolean {
    return VALUES[level] >= this.#from;
  }

  /** @param members JSON, each after a comma: for the one line that is written for every request, whose members are not put into an object first */
  write(level: LogLevel, event: string, members: string): void {
    if (this.isWritten(level))
      this.#destination.write(
        `{"level":${VALUES[level]},"time":${Date.now()}${members},"event":${JSON.stringify(event)}}\n`,
      );
  }

  #write(level: LogLevel, event: string, fields: LogFields): void {
    if (this.isWritten(level)) this.write(level, event, flatJsonMembers(fields));
  }
}
