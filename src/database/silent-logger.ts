import type { Logger } from 'typeorm';

/** Turns TypeORM's logging off: it would print statements with their values, email addresses included. */
export class SilentLogger implements Logger {
  logQuery(): void {}
  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}
