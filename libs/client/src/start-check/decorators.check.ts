import { rulesOnClass, rulesOnMethod } from '../rules/access-rules.ts';
import { isSubjectOfActor } from '../rules/actor-name.ts';
import { namesOf } from '../rules/requirement.ts';
import type { WrittenRules } from '../rules/written-rules.ts';
import { type Host, methodsOf } from './handler.ts';

/**
 * Refuses decorators that contradict each other or ask for nothing, on handlers and other methods alike.
 *
 * @throws TypeError that names the target and ends with the fix
 */
export function checkDecorators(host: Host): void {
  checkTarget(host.type.name, rulesOnClass(host.type));
  for (const { name, method } of methodsOf(host)) checkTarget(name, rulesOnMethod(method));
}

function checkTarget(name: string, { isPublic, requirements }: WrittenRules): void {
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
    if (requirement.kind === 'actor' && !requirement.subjects.every(isSubjectOfActor))
      throw new TypeError(
        `${name}: a requirement names an actor that is no client: write @RequireActor('shop/web') or @RequireActor('client:shop/web')`,
      );
  }
}
