import type { Surface } from '../../domain/surface.ts';

/**
 * Who may come in:
 * - `public`: anyone; what the body or the path proves is the handler's business
 * - `operator`: loopback and TESSERA_METRICS_NETWORKS
 * - `bearer-…`: whoever holds a valid token of that surface; `asked`: of the one that `?surface=` names, `user` without it
 */
export type RouteAccess = 'public' | 'operator' | 'bearer-admin' | 'bearer-user' | 'bearer-asked';

/** What answers look like there: a token, another JSON answer, a cacheable document, a feed that is asked without end, a page for people, a probe. */
export type RouteKind = 'token' | 'api' | 'document' | 'feed' | 'page' | 'probe';

export interface RouteRow {
  readonly method: 'GET' | 'POST';
  /** As Fastify knows it, parameters included. */
  readonly path: string;
  readonly access: RouteAccess;
  readonly kind: RouteKind;
  /** Of which surface it is, for routes that belong to one. */
  readonly surface?: Surface;
  /** What its body is. Default: JSON. */
  readonly body?: 'form';
}

/** Registered by @nestjs/swagger and @fastify/static; closed by TESSERA_API_DOCS. */
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
 * Every route that Fastify knows, those of libraries included. A route without a row, and a row without a route, stop the start. HEAD goes with
 * its GET row; nothing else is answered.
 */
export const ROUTE_TABLE: readonly RouteRow[] = [
  { method: 'GET', path: '/healthz', access: 'public', kind: 'probe' },
  { method: 'GET', path: '/readyz', access: 'public', kind: 'probe' },
  { method: 'GET', path: '/metrics', access: 'operator', kind: 'probe' },

  // What body and bearer prove is the business of the seven hops behind these four.
  { method: 'POST', path: '/auth/admin/generateToken', access: 'public', kind: 'token', surface: 'admin' },
  { method: 'POST', path: '/auth/user/generateToken', access: 'public', kind: 'token', surface: 'user' },
  { method: 'POST', path: '/auth/admin/oidcToken', access: 'public', kind: 'token', surface: 'admin' },
  { method: 'POST', path: '/auth/user/oidcToken', access: 'public', kind: 'token', surface: 'user' },
  { method: 'GET', path: '/auth/admin/profile', access: 'bearer-admin', kind: 'api', surface: 'admin' },
  { method: 'GET', path: '/auth/user/profile', access: 'bearer-user', kind: 'api', surface: 'user' },

  // Whoever holds a token can read it; what they learn is whether it is good.
  { method: 'POST', path: '/auth/admin/verifyToken', access: 'public', kind: 'api', surface: 'admin' },
  { method: 'POST', path: '/auth/user/verifyToken', access: 'public', kind: 'api', surface: 'user' },
  { method: 'GET', path: '/auth/admin/health', access: 'public', kind: 'probe', surface: 'admin' },
  { method: 'GET', path: '/auth/user/health', access: 'public', kind: 'probe', surface: 'user' },
  { method: 'GET', path: '/auth/validate', access: 'bearer-asked', kind: 'api' },
  { method: 'GET', path: '/auth/validate/scope', access: 'bearer-asked', kind: 'api' },
  { method: 'GET', path: '/auth/validate/resource', access: 'bearer-asked', kind: 'api' },
  { method: 'POST', path: '/auth/validate/permissions', access: 'bearer-asked', kind: 'api' },

  // The client's secret is in the header or the form: it is judged with the rest of the request.
  { method: 'POST', path: '/tenants/:tenantId/introspect', access: 'public', kind: 'api', body: 'form' },
  { method: 'POST', path: '/tenants/:tenantId/revoke', access: 'public', kind: 'api', body: 'form' },
  // Names tokens and people by their ids alone; a verifier must be able to follow it before it has any token.
  { method: 'GET', path: '/revocations', access: 'public', kind: 'feed' },

  // Public keys and metadata: the whole point is that anyone may read them.
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
