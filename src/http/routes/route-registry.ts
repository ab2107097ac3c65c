import type { RouteOptions } from 'fastify';
import { TesseraError } from '../../errors/tessera-error.ts';
import { NearestRoute } from './nearest-route.ts';
import { labelOf, type RouteRow } from './route-table.ts';

/** Matches the routes that Fastify registers with the rows of the table. */
export class RouteRegistry {
  readonly #rows = new Map<string, RouteRow>();
  readonly #unregistered: Set<RouteRow>;
  readonly #paths: readonly { readonly row: RouteRow; readonly pattern: RegExp }[];
  readonly #nearest: NearestRoute;

  constructor(table: readonly RouteRow[]) {
    for (const row of table) {
      if (this.#rows.has(labelOf(row))) throw new Error(`${labelOf(row)} has two rows in the route table: remove one`);
      this.#rows.set(labelOf(row), row);
    }
    this.#unregistered = new Set(table);
    this.#paths = table.map((row) => ({ row, pattern: patternOf(row.path) }));
    this.#nearest = new NearestRoute(table);
  }

  /**
   * The row of a route that is being registered.
   *
   * @throws Error if it has none: a route without an access decision is not served
   */
  rowFor(route: Pick<RouteOptions, 'method' | 'url'>): RouteRow {
    const methods = Array.isArray(route.method) ? route.method : [route.method];
    const rows = methods.map((method) => {
      const row = this.#rows.get(`${method === 'HEAD' ? 'GET' : method} ${route.url}`);
      if (row === undefined)
        throw new Error(`${method} ${route.url} has no row: decide who may use it in src/http/routes/route-table.ts`);
      this.#unregistered.delete(row);
      return row;
    });
    const [first] = rows;
    if (first === undefined || rows.some((row) => row !== first))
      throw new Error(`${route.url} is registered for several methods at once: register each by itself`);
    return first;
  }

  /** @throws Error if a row has no route: its path is probably mistyped, and then its access decision applies to nothing */
  assertComplete(): void {
    const missing = [...this.#unregistered].map(labelOf);
    if (missing.length > 0)
      throw new Error(
        `no route for ${missing.join(', ')}: register it or remove its row from src/http/routes/route-table.ts`,
      );
  }

  /** The methods of an endpoint; empty if there is none at that URL. */
  allowedMethods(url: string): readonly string[] {
    const path = pathOf(url);
    const methods = this.#paths.filter(({ pattern }) => pattern.test(path)).map(({ row }) => row.method);
    const withHead = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
    return withHead.length === 0 ? [] : [...new Set([...withHead, 'OPTIONS'])];
  }

  /** The error for a URL without a route. Names the nearest route, because a mistyped path is the usual cause; else the list of routes. */
  notFound(method: string, url: string): TesseraError {
    const nearest = this.#nearest.find(method, pathOf(url));
    const hint =
      nearest !== undefined
        ? `The nearest one is ${nearest}.`
        : this.#rows.has('GET /docs')
          ? 'GET /docs shows every route.'
          : undefined;
    const options = hint === undefined ? {} : { detail: `There is nothing at this address. ${hint}` };
    return new TesseraError('route_not_found', 'unknown route', options);
  }
}

function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? url;
}

function patternOf(path: string): RegExp {
  const source = path
    .split('/')
    .map((part) => (part === '*' ? '.+' : part.startsWith(':') ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    .join('/');
  return new RegExp(`^${source}$`);
}
