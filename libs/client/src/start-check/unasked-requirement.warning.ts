import { Logger } from '@nestjs/common';
import { prototypesOf, recordedKeys, recordOf } from '../rules/written-rules.ts';
import type { Host } from './handler.ts';

const logger = new Logger('TesseraClientModule');

/**
 * Warns of requirements on methods that are no handlers: nobody asks for them when other code calls the method.
 *
 * @param handlers the names of the host's methods that Nest calls
 */
export function warnOfUnaskedRequirements(
  hosts: readonly Host[],
  handlers: ReadonlyMap<object, ReadonlySet<string>>,
): void {
  const unasked = new Set(hosts.flatMap((host) => unaskedIn(host, handlers.get(host.prototype) ?? new Set())));
  for (const name of unasked)
    logger.warn(
      `${name}: a requirement on a method that is no HTTP, GraphQL, WebSocket or microservice handler is not asked for when other code calls it`,
    );
}

function unaskedIn(host: Host, handlers: ReadonlySet<string>): readonly string[] {
  const chain = prototypesOf(host);
  const onInstance = chain.flatMap((prototype, index) =>
    recordedKeys(prototype)
      .filter((key) => requires(prototype, key) && !handlers.has(String(key)))
      // A class that overrides the method without a route has taken the handler away.
      .filter((key) => !chain.slice(0, index).some((nearer) => Object.hasOwn(nearer, key)))
      .map((key) => nameOf(prototype, key)),
  );
  const onClass = recordedKeys(host.type)
    .filter((key) => requires(host.type, key))
    .map((key) => `${host.type.name}.${String(key)} (static)`);
  return [...onInstance, ...onClass];
}

function requires(holder: object, key: PropertyKey): boolean {
  return (recordOf(holder, key)?.requirements.length ?? 0) > 0;
}

function nameOf({ constructor }: object, key: PropertyKey): string {
  return `${constructor.name}.${String(key)}`;
}
