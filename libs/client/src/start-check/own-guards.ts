import { isTesseraGuard } from '../guard/guard-mark.ts';
import type { Handler, Host } from './handler.ts';
import { GUARDS_METADATA } from './nest-metadata.ts';

/** Whether the method or its class has `@UseGuards(TesseraGuard)`. A test may replace that guard with `overrideGuard`. */
export function hasOwnGuard({ host, method }: Handler): boolean {
  return isInGuardsOf(method) || hasClassGuard(host);
}

export function hasMethodGuard({ method }: Handler): boolean {
  return isInGuardsOf(method);
}

/** They are two where a class decorator has replaced the class, and versions of Nest differ in which one they ask. */
function hasClassGuard({ metatype, type }: Host): boolean {
  return isInGuardsOf(metatype) && isInGuardsOf(type);
}

function isInGuardsOf(target: object): boolean {
  const guards = (Reflect.getMetadata(GUARDS_METADATA, target) as readonly unknown[] | undefined) ?? [];
  return guards.some(isTesseraGuard);
}
