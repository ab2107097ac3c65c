import { Logger } from '@nestjs/common';
import { rulesOnClass } from '../rules/access-rules.ts';
import { prototypesOf, recordOf } from '../rules/written-rules.ts';
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
 * @param isSure whether no other questions were counted
 * @throws TypeError that names the handler and ends with the fix
 */
export function checkGateways(gateways: readonly Host[], globalGuards: GlobalGuards, isSure: boolean): void {
  const isExpected = globalGuards.includeTesseraGuard();
  const bound = gateways.filter(({ isStatic }) => isStatic).flatMap(socketHandlersOf).length;
  const areAsked = isSure && bound > 0 && globalGuards.questions >= bound;
  for (const handler of gateways.flatMap(socketHandlersOf)) {
    const globally = areAsked && globalGuards.areAskedBefore(handler.host);
    checkGuarded(handler, { globally, isExpected }, isExpected ? mendOf(handler, globalGuards) : USE_GUARD);
    checkNoPathParameter(handler, rulesOf(handler));
  }
}

/** Of a handler that no global guard is asked for, in an application that has one. */
function mendOf({ host }: Handler, globalGuards: GlobalGuards): string {
  if (!globalGuards.includeStaticTesseraGuard())
    return `Nest asks no request-scoped or transient global guard at gateways, ${USE_GUARD}`;
  if (!host.isStatic)
    return 'nothing shows that Nest asks the global guard at a request-scoped gateway: put @UseGuards(TesseraGuard) on the class';
  return `this version of Nest asks no global guards at gateways, ${USE_GUARD}`;
}

/** @throws TypeError that names the handler and ends with the fix */
export function checkConnectionHooks(gateway: Host): void {
  const hooks = connectionHooksOf(gateway);
  hooks.forEach(checkConnectionHook);
  for (const key of CONNECTION_HOOKS) if (!hooks.some((hook) => hook.key === key)) checkPropertyHook(gateway, key);
}

/** Nest calls what the instance has under the name, so a function in a property as well. Only the record has the rules of a property. */
function checkPropertyHook(gateway: Host, key: string): void {
  const records = prototypesOf(gateway).flatMap((prototype) => recordOf(prototype, key) ?? []);
  if (records.some(({ isPublic }) => isPublic)) return;
  const isRequired = records.some(({ requirements }) => requirements.length > 0);
  const isFunction = typeof Reflect.get(gateway.instance, key) === 'function';
  if (isRequired || (isFunction && rulesOnClass(gateway.type).requirements.length > 0))
    throw new TypeError(`${gateway.type.name}.${key}: ${unaskedBefore(key)}`);
}

export function connectionHooksOf(gateway: Host): readonly Handler[] {
  return methodsOf(gateway).filter(({ key }) => CONNECTION_HOOKS.has(key));
}

function checkConnectionHook(hook: Handler): void {
  const { isPublic, requirements } = rulesOf(hook);
  if (isPublic) return;
  if (requirements.length > 0 || hasMethodGuard(hook)) throw new TypeError(`${hook.name}: ${unaskedBefore(hook.key)}`);
  if (hook.key === 'handleConnection')
    logger.warn(`${hook.name}: Nest asks no guard before handleConnection, so every client reaches it`);
}

function unaskedBefore(key: string): string {
  return `Nest asks no guard before ${key}, so nothing that is required would be checked: put @Public() on it in place of what it requires, and verify the token in it with TesseraVerifier`;
}
