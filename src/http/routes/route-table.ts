import type { Surface } from '../../domain/surface.ts';

/**
 * Who may use a route:
 * - `public`: anyone; the handler itself authenticates where that is needed
 * - `operator`: loopback and TESSERA_METRICS_NETWORKS
 * - `bearer-…`: holders of a valid token of that surface; `bearer-asked`: of the surface that `?surface=` names, by default `user`
 */
export type RouteAccess = 'public' | 'operator' | 'bearer-admin' | 'bearer-user' | 'bearer-asked';

/** The kind of response: a token, other JSON, a cacheable document, a feed for pollers, a page for people, a probe. */
export type RouteKind = 'token' | 'api' | 'document' | 'feed' | 'page' | 'probe';

export interface RouteRow {
  readonly method: 'GET' | 'POST';
  /** In Fastify's notation, parameters included. */
  readonly path: string;
  readonly access: RouteAccess;
  readonly kind: RouteKind;
  /** The surface of a route that belongs to one. */
  readonly surface?: Surface;
  /** The format of its body. Default: JSON. In a `form`, a parameter without a value is absent; in a `strict form`, it is an error. */
  readonly body?: 'form' | 'strict form';
  /** A limit below the one of all bodies. */
  readonly bodyLimitBytes?: number;
  /** The format of its errors. Default: problem details (RFC 9457). `oauth`: as in RFC 6749, section 5.2, but for an address that does not exist. */
  readonly errors?: 'oauth';
}

/** Room for two tokens, and for credentials and parameters beside them. */
const TOKEN_REQUEST_LIMIT_BYTES = 16 * 1024;

/** Registered by @nestjs/swagger and @fastify/static; turned off by TESSERA_API_DOCS. */
export const API_DOCS_ROUTES: readonly RouteRow[] = [
  { method: 'GET', path: '/docs', access: 'public', kind: 'page' },
  { method: 'GET', path: '/docs/', access: 'public', kind: 'page' },
  { method: 'GET', path: '/docs/index.html', access: 'public', kind: 'page' },
  { method: 'GET', path: '/docs/LICENSE', access: 'public', kind: 'page' },
  { method: 'GET', path: '/docs/swagger-ui-init.js', access: 'public', kind: 'page' },
  { method: 'GET', path: '/docs/docs/swagger-ui-init.js', access: 'public', kind: 'page' },
  { method: 'GET', path: '/docs/*', access: 'public', kind: 'page' },
  { method: 'GET', path: '/docs-json', access: 'public', kind: 'api' },
];

/**
 * Every route of the service, routes of libraries included. A route without a row, or a row without a route, stops the start. HEAD is covered by its
 * GET row. The API document lists the routes of each tag in this order: those of users first.
 */
export const ROUTE_TABLE: readonly RouteRow[] = [
  { method: 'GET', path: '/healthz', access: 'public', kind: 'probe' },
  { method: 'GET', path: '/readyz', access: 'public', kind: 'probe' },
  { method: 'GET', path: '/metrics', access: 'operator', kind: 'probe' },

  // The token pipeline authenticates the callers of these four routes.
  { method: 'POST', path: '/auth/user/generateToken', access: 'public', kind: 'token', surface: 'user' },
  { method: 'POST', path: '/auth/user/oidcToken', access: 'public', kind: 'token', surface: 'user' },
  { method: 'POST', path: '/auth/admin/generateToken', access: 'public', kind: 'token', surface: 'admin' },
  { method: 'POST', path: '/auth/admin/oidcToken', access: 'public', kind: 'token', surface: 'admin' },
  // It authenticates the clients of this route, too.
  {
    method: 'POST',
    path: '/tenants/:tenantId/token',
    access: 'public',
    kind: 'token',
    body: 'strict form',
    bodyLimitBytes: TOKEN_REQUEST_LIMIT_BYTES,
    errors: 'oauth',
  },
  { method: 'GET', path: '/auth/user/profile', access: 'bearer-user', kind: 'api', surface: 'user' },

  // The holder of a token can already read it. These endpoints only add whether it is valid.
  { method: 'POST', path: '/auth/user/verifyToken', access: 'public', kind: 'api', surface: 'user' },
  { method: 'GET', path: '/auth/validate', access: 'bearer-asked', kind: 'api' },
  { method: 'GET', path: '/auth/validate/scope', access: 'bearer-asked', kind: 'api' },
  { method: 'GET', path: '/auth/validate/resource', access: 'bearer-asked', kind: 'api' },
  { method: 'POST', path: '/auth/validate/permissions', access: 'bearer-asked', kind: 'api' },
  { method: 'GET', path: '/auth/user/health', access: 'public', kind: 'probe', surface: 'user' },

  { method: 'GET', path: '/auth/admin/profile', access: 'bearer-admin', kind: 'api', surface: 'admin' },
  { method: 'POST', path: '/auth/admin/verifyToken', access: 'public', kind: 'api', surface: 'admin' },
  { method: 'GET', path: '/auth/admin/health', access: 'public', kind: 'probe', surface: 'admin' },

  // The client authenticates in the header or the form, which the handler checks.
  { method: 'POST', path: '/tenants/:tenantId/introspect', access: 'public', kind: 'api', body: 'form' },
  { method: 'POST', path: '/tenants/:tenantId/revoke', access: 'public', kind: 'api', body: 'form' },
  // Contains only ids of tokens and subjects. A verifier must be able to poll it before it has any token.
  { method: 'GET', path: '/revocations', access: 'public', kind: 'feed' },

  // Public keys and metadata, for anyone.
  { method: 'GET', path: '/tenants/:tenantId/jwks.json', access: 'public', kind: 'document' },
  { method: 'GET', path: '/tenants/:tenantId/.well-known/openid-configuration', access: 'public', kind: 'document' },
  {
    method: 'GET',
    path: '/.well-known/oauth-authorization-server/tenants/:tenantId',
    access: 'public',
    kind: 'document',
  },

  ...API_DOCS_ROUTES,
];

/** The name of a row in logs, metrics and audit records. */
export function labelOf(row: RouteRow): string {
  return `${row.method} ${row.path}`;
}
