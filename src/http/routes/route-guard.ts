import type { FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import { TesseraError } from '../../errors/tessera-error.ts';
import type { Surface } from '../../domain/surface.ts';
import { NetworkSet } from '../../domain/networks.ts';
import { askedSurface } from './asked-surface.ts';
import type { BearerAuthenticator } from './bearer-authenticator.ts';
import { queryParameter } from '../bodies/query-parameter.ts';
import { authorizationOf } from '../header-values.ts';
import { contextOf } from '../request-context.ts';
import type { RouteRow } from './route-table.ts';

type Admit = (request: FastifyRequest, done: HookHandlerDoneFunction) => void;

const LOOPBACK = ['127.0.0.0/8', '::1'];

/** Turns the `access` of a row into a check. */
export class RouteGuard {
  readonly #operators: NetworkSet;
  readonly #bearers: BearerAuthenticator | undefined;

  /**
   * @param operatorNetworks besides loopback
   * @param bearers undefined only if no row requires a bearer
   */
  constructor(operatorNetworks: readonly string[], bearers: BearerAuthenticator | undefined) {
    this.#operators = new NetworkSet([...LOOPBACK, ...operatorNetworks]);
    this.#bearers = bearers;
  }

  forRow(row: RouteRow): Admit {
    switch (row.access) {
      case 'public':
        return (_request, done) => {
          done();
        };
      case 'operator':
        return (request, done) => {
          if (this.#operators.contains(contextOf(request).network)) done();
          else
            done(
              new TesseraError('forbidden', 'not an address of operators', {
                detail: 'This address is for operators.',
              }),
            );
        };
      case 'bearer-admin':
        return this.#bearer(() => 'admin');
      case 'bearer-user':
        return this.#bearer(() => 'user');
      case 'bearer-asked':
        return this.#bearer((request) => askedSurface(queryParameter(request.query, 'surface')));
    }
  }

  #bearer(surfaceOf: (request: FastifyRequest) => Surface): Admit {
    const bearers = this.#bearers;
    if (bearers === undefined) throw new Error('a bearer route needs a provider of BearerAuthenticator');
    return (request, done) => {
      let surface: Surface;
      try {
        surface = surfaceOf(request);
      } catch (error) {
        done(error as TesseraError);
        return;
      }
      bearers.authenticate(authorizationOf(request) ?? [], surface).then(
        (caller) => {
          contextOf(request).caller = caller;
          done();
        },
        (error: unknown) => {
          done(error as Error);
        },
      );
    };
  }
}
