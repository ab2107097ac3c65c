import type { OpenAPIObject } from '@nestjs/swagger';
import { PROBLEM_MEDIA_TYPE } from '../problems/problem.ts';
import type { RouteRow } from '../routes/route-table.ts';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Response = NonNullable<Operation['responses'][string]>;

/** Completes the document that @nestjs/swagger made: what it cannot say by decorators. */
export function completeDocument(document: OpenAPIObject, routes: readonly RouteRow[]): OpenAPIObject {
  closeSchemas(document);
  document.paths = inOrderOf(routes, document.paths);
  shareErrors(document, routes);
  return document;
}

/** Marks all schemas as closed: parsers refuse unknown members, and responses have only documented members. */
function closeSchemas(document: OpenAPIObject): void {
  for (const schema of Object.values(document.components?.schemas ?? {})) {
    if ('properties' in schema) schema.additionalProperties = false;
  }
}

/** Nest lists routes in the order of its modules. Readers get the order of the route table. */
function inOrderOf(routes: readonly RouteRow[], paths: OpenAPIObject['paths']): OpenAPIObject['paths'] {
  const places = new Map(routes.map((row, place) => [documentPath(row), place]));
  const placeOf = (path: string) => places.get(path) ?? routes.length;
  return Object.fromEntries(Object.entries(paths).sort(([a], [b]) => placeOf(a) - placeOf(b)));
}

/**
 * Moves error responses to `components.responses`, where each is written once, however many routes have it. It is named after its error codes, with
 * `token.` before those whose titles only the endpoints of the surfaces use, and `oauth.` before those of RFC 6749.
 */
function shareErrors(document: OpenAPIObject, routes: readonly RouteRow[]): void {
  const kinds = new Map(routes.map((row) => [documentPath(row), row.kind]));
  const shared: Record<string, Response> = {};
  for (const [path, item] of Object.entries(document.paths)) {
    for (const { responses } of [item.get, item.post].filter((operation) => operation !== undefined)) {
      for (const [status, response] of Object.entries(responses) as [string, Response][]) {
        const { form, codes } = errorsOf(response);
        if (codes.length === 0) continue;
        const ofTokens = form === 'problem' && kinds.get(path) === 'token' && status >= '500';
        const name = `${form === 'oauth' ? 'oauth.' : ofTokens ? 'token.' : ''}${codes.join('.')}`;
        if (JSON.stringify((shared[name] ??= response)) !== JSON.stringify(response))
          throw new Error(`Two error responses of the API document would both be ${name}: ${path} has another.`);
        responses[status] = { $ref: `#/components/responses/${name}` };
      }
    }
  }
  document.components = { ...document.components, responses: shared };
}

interface DocumentedErrors {
  readonly form: 'problem' | 'oauth';
  /** The codes for which the response has examples; none for a response that is no error. */
  readonly codes: readonly string[];
}

function errorsOf(response: Response): DocumentedErrors {
  const content = 'content' in response ? response.content : undefined;
  const problems = content?.[PROBLEM_MEDIA_TYPE]?.examples;
  // Only errors have several examples by name; others have one in their schema.
  return problems === undefined
    ? { form: 'oauth', codes: Object.keys(content?.['application/json']?.examples ?? {}) }
    : { form: 'problem', codes: Object.keys(problems) };
}

function documentPath(row: RouteRow): string {
  return row.path.replace(/:(\w+)/g, '{$1}');
}
