import { type ExecutionContext, InternalServerErrorException, Logger } from '@nestjs/common';
import { accessRulesOf, callRulesOf } from './access-rules.ts';
import type { WrittenRules } from './written-rules.ts';

/** Those whose handlers the start finds. Other libraries ask guards in transports of their own. */
const TRANSPORTS: ReadonlySet<string> = new Set(['http', 'graphql', 'ws', 'rpc']);

const logger = new Logger('TesseraGuard');

/**
 * The rules for a call. The start has compared them for every handler that it could find; this closes those that it could not.
 *
 * @throws InternalServerErrorException if a rule was written that Nest lost
 */
export function rulesOfCall(context: ExecutionContext): WrittenRules {
  try {
    const find = TRANSPORTS.has(context.getType<string>()) ? callRulesOf : accessRulesOf;
    return find(context.getClass(), context.getHandler());
  } catch (error) {
    throw internalError(error instanceof Error ? error.message : String(error));
  }
}

/** Logs a mistake in the application. The caller gets the internal error of the transport, and none of the words. */
export function internalError(mistake: string): InternalServerErrorException {
  logger.error(mistake);
  return new InternalServerErrorException();
}
