import { labelOf, type RouteRow } from './route-table.ts';

/** Longer paths are not compared, because the comparison takes time. */
const MAX_LENGTH = 128;
/** A route is near if at most this part of it must change. */
const MAX_CHANGE = 1 / 3;

/** A route with another method is as far away as one with this many other characters. */
const OTHER_METHOD = 2;

interface Candidate {
  readonly method: string;
  readonly path: string;
  readonly segments: readonly string[];
  readonly label: string;
}

/** Finds the route that the caller of an unknown one probably meant. */
export class NearestRoute {
  readonly #candidates: readonly Candidate[];

  constructor(table: readonly RouteRow[]) {
    this.#candidates = table
      // The files below /docs are only for its page.
      .filter(({ path }) => !path.startsWith('/docs/'))
      .map((row) => ({
        method: row.method,
        path: row.path.toLowerCase(),
        segments: row.path.toLowerCase().split('/'),
        label: labelOf({ ...row, path: row.path.replace(/:(\w+)/g, '{$1}') }),
      }));
  }

  /**
   * @param path without a query
   * @returns a method and a path of the table, such as `POST /tenants/{tenantId}/revoke`, never text of the request; undefined if no route is near
   */
  find(method: string, path: string): string | undefined {
    if (path.length > MAX_LENGTH) return undefined;
    const asked = path.toLowerCase().split('/');
    let nearest: string | undefined;
    let least = Infinity;
    for (const candidate of this.#candidates) {
      const text = withParameters(asked, candidate);
      const allowed = candidate.path.length * MAX_CHANGE;
      if (Math.abs(text.length - candidate.path.length) > allowed) continue;
      const changes = editDistance(text, candidate.path);
      const far = changes + (method === candidate.method ? 0 : OTHER_METHOD);
      if (far < least && changes <= allowed) {
        least = far;
        nearest = candidate.label;
      }
    }
    return nearest;
  }
}

/** The path, with the names of the candidate's parameters in place of their values. */
function withParameters(asked: readonly string[], { segments }: Candidate): string {
  return asked
    .map((segment, index) => {
      const name = segments[index];
      return segment !== '' && name?.startsWith(':') === true ? name : segment;
    })
    .join('/');
}

/** How many characters to insert, remove or replace (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const replaced = (row[j] ?? 0) + (from.charCodeAt(i) === to.charCodeAt(j) ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
