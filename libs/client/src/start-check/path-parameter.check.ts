import type { WrittenRules } from '../rules/written-rules.ts';
import type { Handler } from './handler.ts';
import { PATH_METADATA } from './nest-metadata.ts';

/**
 * @param modulePath as `RouterModule` set it
 * @throws TypeError if a route requires a parameter that its path does not have
 */
export function checkPathParameters(route: Handler, { requirements }: WrittenRules, modulePath: unknown): void {
  const paths = [modulePath, Reflect.getMetadata(PATH_METADATA, route.host.metatype), pathOf(route)].map(alternatives);
  for (const requirement of requirements)
    if (requirement.kind === 'tenantParam' && !paths.some((path) => hasParam(path, requirement.param)))
      throw new TypeError(
        `${route.name}: @RequireTenantParam names a parameter that its path does not have: add :${requirement.param} to the path of the method or the controller`,
      );
}

/** @throws TypeError if a method without a path requires a parameter of the path */
export function checkNoPathParameter({ name }: Handler, { requirements }: WrittenRules): void {
  for (const requirement of requirements)
    if (requirement.kind === 'tenantParam')
      throw new TypeError(
        `${name}: @RequireTenantParam names a parameter that its path does not have: add :${requirement.param} to the path of a route, or use @RequireTenant`,
      );
}

function pathOf({ method }: Handler): unknown {
  return Reflect.getMetadata(PATH_METADATA, method);
}

/** Whether the parameter is in every path that leads to the handler. A global prefix is not checked. */
function hasParam(paths: readonly string[], param: string): boolean {
  return paths.every((path) =>
    path.split(/[/{}().-]/).some((segment) => segment === `:${param}` || segment === `*${param}`),
  );
}

function alternatives(path: unknown): readonly string[] {
  const paths: readonly unknown[] = Array.isArray(path) ? path : [path];
  return paths.map((item) => (typeof item === 'string' ? item : ''));
}
