import { Logger } from '@nestjs/common';
import { socketHandlersOf } from './find-handlers.ts';
import type { GlobalGuards } from './global-guards.ts';
import { checkGuarded, USE_GUARD } from './guarded.check.ts';
import { type Handler, type Host, methodsOf, rulesOf } from './handler.ts';
import { hasMethodGuard } from './own-guards.ts';
import { checkNoPathParameter } from './path-parameter.check.ts';

/** Nest calls them for every client, and asks no guard before. */
const CONNECTION_HOOKS: ReadonlySet<string> = new Set(['handleConnection', 'handleDisconnect']);

const logger = new Logger('TesseraClientModule');

/**
 * Checked when Nest has bound the gateways and nothing else: Nest 12 asked for the global guards once for each of their handlers, Nest 11 never.
 *
 * @throws TypeError that names the handler and ends with the fix
 */
export function checkGateways(gateways: readonly Host[], globalGuards: GlobalGuards): void {
  const isExpected = globalGuards.includeTesseraGuard();
  const bound = gateways.filter(({ isStatic }) => isStatic).flatMap(socketHandlersOf).length;
  const applied = { globally: isExpected && bound > 0 && globalGuards.questions >= bound, isExpected };
  for (const handler of gateways.flatMap(socketHandlersOf)) {
    checkGuarded(handler, applied, `this version of Nest asks no global guards at gateways, ${USE_GUARD}`);
    checkNoPathParameter(handler, rulesOf(handler));
  }
}

/** @throws TypeError that names the handler and ends with the fix */
export function checkConnectionHooks(gateway: Host): void {
  connectionHooksOf(gateway).forEach(checkConnectionHook);
}

export function connectionHooksOf(gateway: Host): readonly Handler[] {
  return methodsOf(gateway).filter(({ key }) => CONNECTION_HOOKS.has(key));
}

function checkConnectionHook(hook: Handler): void {
  const { isPublic, requirements } = rulesOf(hook);
  if (isPublic) return;
  if (requirements.length > 0 || hasMethodGuard(hook))
    throw new TypeError(
      `${hook.name}: Nest asks no guard before ${hook.key}, so nothing that is required would be checked: put @Public() on it in place of what it requires, and verify the token in it with TesseraVerifier`,
    );
  if (hook.key === 'handleConnection')
    logger.warn(`${hook.name}: Nest asks no guard before handleConnection, so every client reaches it`);
}
