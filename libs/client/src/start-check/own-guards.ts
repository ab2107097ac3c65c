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

function hasClassGuard({ metatype }: Host): boolean {
  return isInGuardsOf(metatype);
}

function isInGuardsOf(target: object): boolean {
  const guards = (Reflect.getMetadata(GUARDS_METADATA, target) as readonly unknown[] | undefined) ?? [];
  return guards.some(isTesseraGuard);
}
