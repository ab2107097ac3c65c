import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { METHOD_METADATA, MODULE_PATH, PATH_METADATA } from '@nestjs/common/constants.js';
import { ModulesContainer } from '@nestjs/core';
import { accessRulesOf, rulesOn, type TargetRules } from './access-rules.ts';
import { namesOf } from './requirement.ts';

type Class = abstract new (...args: never) => unknown;

/** Checks every handler once, at start. Contradicting or empty decorators stop the application. */
@Injectable()
export class AccessRulesCheck implements OnModuleInit {
  readonly #modules: ModulesContainer;

  constructor(@Inject(ModulesContainer) modules: ModulesContainer) {
    this.#modules = modules;
  }

  /** @throws TypeError that names the handler and ends with the fix */
  onModuleInit(): void {
    for (const module of this.#modules.values()) {
      const modulePath: unknown = Reflect.getMetadata(MODULE_PATH + this.#modules.applicationId, module.metatype);
      for (const wrapper of [...module.controllers.values(), ...module.providers.values()]) {
        const type: unknown = wrapper.metatype;
        if (isClass(type)) checkClass(type, alternatives(modulePath));
      }
    }
  }
}

function checkClass(type: Class, modulePaths: readonly string[]): void {
  checkTarget(type.name, rulesOn(type));
  for (const [name, handler] of methodsOf(type)) {
    const handlerName = `${type.name}.${name}`;
    const own = rulesOn(handler);
    checkTarget(handlerName, own);
    const isRoute = Reflect.getMetadata(METHOD_METADATA, handler) !== undefined;
    // A class may have other methods than handlers. A class-level requirement applies to its routes only.
    const { requirements } = isRoute ? accessRulesOf(type, handler) : own;
    for (const requirement of requirements)
      if (requirement.kind === 'tenantParam' && !(isRoute && hasParam(type, handler, modulePaths, requirement.param)))
        throw new TypeError(
          `${handlerName}: @RequireTenantParam names a parameter that its path does not have: add :${requirement.param} to the path of the method or the controller`,
        );
  }
}

function checkTarget(name: string, { isPublic, requirements }: TargetRules): void {
  if (isPublic && requirements.length > 0)
    throw new TypeError(`${name}: @Public() and a requirement contradict each other: remove one of the two`);
  for (const requirement of requirements) {
    const names = namesOf(requirement);
    if (names.length === 0)
      throw new TypeError(
        `${name}: a requirement without a name asks for nothing: name what is required, or remove it`,
      );
    // RFC 6749, section 3.3: a scope cannot contain other characters, and some of them would break WWW-Authenticate.
    if (!names.every((item) => typeof item === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(item)))
      throw new TypeError(
        `${name}: a requirement names something that no token can hold: use printable ASCII without space, " and \\`,
      );
  }
}

/** Own and inherited methods; of two with the same name, the nearer one. Does not run accessors. */
function methodsOf(type: Class): ReadonlyMap<string, object> {
  const methods = new Map<string, object>();
  for (
    let prototype: unknown = type.prototype;
    typeof prototype === 'object' && prototype !== null && prototype !== Object.prototype;
    prototype = Object.getPrototypeOf(prototype)
  )
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype)))
      if (name !== 'constructor' && typeof value === 'function' && !methods.has(name))
        methods.set(name, value as object);
  return methods;
}

/** Whether the parameter is in every path that leads to the handler. A global prefix is not checked. */
function hasParam(type: Class, handler: object, modulePaths: readonly string[], param: string): boolean {
  const inPath = (path: string): boolean =>
    path.split(/[/{}().-]/).some((segment) => segment === `:${param}` || segment === `*${param}`);
  const everywhere = (paths: readonly string[]): boolean => paths.every(inPath);
  return (
    everywhere(modulePaths) ||
    everywhere(alternatives(Reflect.getMetadata(PATH_METADATA, type))) ||
    everywhere(alternatives(Reflect.getMetadata(PATH_METADATA, handler)))
  );
}

function alternatives(path: unknown): readonly string[] {
  const paths: readonly unknown[] = Array.isArray(path) ? path : [path];
  return paths.map((item) => (typeof item === 'string' ? item : ''));
}

function isClass(value: unknown): value is Class {
  return typeof value === 'function' && typeof value.prototype === 'object' && value.prototype !== null;
}
