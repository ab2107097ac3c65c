import type { Logger } from 'typeorm';

/** TypeORM would print statements with their values, e-mails included: it prints nothing. */
export class SilentLogger implements Logger {
  logQuery(): void {}
  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}
