import { type CanActivate, RequestMethod, type Type } from '@nestjs/common';
import { GUARDS_METADATA, METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, type ModulesContainer, Reflector } from '@nestjs/core';
import { labelOf, type RouteAccess, type RouteRow } from './route-table.ts';

/** The decorator of a guard that verifies the bearer a second time, with the access whose rows it is for. */
export const VerifiesBearerOf = Reflector.createDecorator<RouteAccess>();

type Guard = Type<CanActivate> | CanActivate;

/**
 * Checks that the handler of each bearer row has the guard that verifies the bearer a second time.
 *
 * @throws Error if a handler lacks it, or if the route of a row was not registered by a controller
 */
export function assertBearerRowsAreGuarded(table: readonly RouteRow[], modules: ModulesContainer): void {
  const guards = guardsByRoute(modules);
  for (const row of table) {
    if (!row.access.startsWith('bearer-')) continue;
    const found = guards.get(labelOf(row)) ?? [];
    if (!found.some((guard) => accessOf(guard) === row.access))
      throw new Error(
        `${labelOf(row)} has the access ${row.access}, but its handler has no guard of that access: add AdminJwtGuard, UserJwtGuard or ValidateJwtGuard`,
      );
  }
}

function accessOf(guard: Guard): unknown {
  const type = typeof guard === 'function' ? guard : guard.constructor;
  return Reflect.getMetadata(VerifiesBearerOf.KEY, type);
}

/** The guards of each handler of a controller, by method and path. */
function guardsByRoute(modules: ModulesContainer): ReadonlyMap<string, readonly Guard[]> {
  const guards = new Map<string, readonly Guard[]>();
  for (const { controllers } of modules.values()) {
    for (const { metatype: controller } of controllers.values()) {
      if (typeof controller !== 'function') continue;
      const prototype = controller.prototype as Readonly<Record<string, object>>;
      for (const name of new MetadataScanner().getAllMethodNames(prototype)) {
        const handler = prototype[name];
        const method = handler && (Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined);
        if (handler === undefined || method === undefined) continue;
        for (const path of pathsOf(controller).flatMap((base) => pathsOf(handler).map((own) => joined(base, own))))
          guards.set(`${RequestMethod[method]} ${path}`, [...guardsOf(controller), ...guardsOf(handler)]);
      }
    }
  }
  return guards;
}

function guardsOf(target: object): readonly Guard[] {
  return (Reflect.getMetadata(GUARDS_METADATA, target) as readonly Guard[] | undefined) ?? [];
}

function pathsOf(target: object): readonly string[] {
  const path = Reflect.getMetadata(PATH_METADATA, target) as string | readonly string[] | undefined;
  return [path ?? ''].flat();
}

function joined(base: string, own: string): string {
  const parts = [base, own].flatMap((path) => path.split('/')).filter((part) => part !== '');
  return `/${parts.join('/')}`;
}
