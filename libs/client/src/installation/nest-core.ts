import { type ArgumentsHost, type FactoryProvider, HttpException, type Type } from '@nestjs/common';
import { type AbstractHttpAdapter, BaseExceptionFilter } from '@nestjs/core';

/**
 * A provider whose constructor takes providers of Nest's core. They are optional to Nest, so that an application whose core is another copy than ours
 * gets a sentence about the copies in place of "can't resolve dependencies".
 */
export function withNestCore<Core extends readonly unknown[], Instance>(
  type: new (...core: Core) => Instance,
  tokens: { readonly [Index in keyof Core]: Type<Core[Index]> },
): FactoryProvider<Instance> {
  return {
    provide: type,
    inject: tokens.map((token) => ({ token, optional: true })),
    useFactory: (...core: unknown[]) => {
      if (core.includes(undefined)) throw twoCopiesOf('@nestjs/core');
      // With another copy of the exceptions, every refusal would be answered as an unknown error, with 500.
      if (!coreKnowsOurExceptions()) throw twoCopiesOf('@nestjs/common');
      return new type(...(core as unknown as Core));
    },
  };
}

function twoCopiesOf(name: string): TypeError {
  return new TypeError(
    `Tessera: two copies of ${name} are installed, one for the application and one for @tessera/client: run "npm ls ${name}" and leave one, for example with "npm dedupe"`,
  );
}

/** Asks the core's own filter of exceptions. */
function coreKnowsOurExceptions(): boolean {
  let isKnown = true;
  class Filter extends BaseExceptionFilter {
    override handleUnknownError(): void {
      isKnown = false;
    }
  }
  const adapter = { isHeadersSent: () => false, reply: () => undefined } as unknown as AbstractHttpAdapter;
  new Filter(adapter).catch(new HttpException('', 500), { getArgByIndex: () => undefined } as unknown as ArgumentsHost);
  return isKnown;
}
