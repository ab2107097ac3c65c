import { BEARER_FORMS, type BearerForm } from '../../../libs/token/test/bearer-forms.ts';
import { ROUTE_TABLE } from '../../../src/http/routes/route-table.ts';
import { type ExchangeService, startExchangeService } from '../../support/tessera/exchange-service.ts';
import { sendRaw } from '../../support/requests/raw-http.ts';

/** Every endpoint that reads a bearer accepts the same forms. */
let service: ExchangeService;
const tokens = new Map<string, string>();
beforeAll(async () => {
  service = await startExchangeService();
  for (const surface of ['admin', 'user'] as const) tokens.set(surface, await service.bearer({ surface }));
});
afterAll(() => service.close());

interface Endpoint {
  readonly label: string;
  readonly method: string;
  readonly path: string;
  readonly surface: 'admin' | 'user';
  readonly body: () => unknown;
}

/** A valid request of the route, without its bearer. */
const REQUESTS: Readonly<Record<string, { readonly query?: string; readonly body?: () => unknown }>> = {
  '/auth/validate/scope': { query: '?scope=openid' },
  '/auth/validate/resource': { query: '?resource=orders' },
  '/auth/validate/permissions': { body: () => ({ scope: 'orders:read', resource: 'orders' }) },
};
// A subject token can be redeemed once, so each request has its own.
const exchange = (surface: 'admin' | 'user'): Endpoint => ({
  label: `POST /auth/${surface}/oidcToken`,
  method: 'POST',
  path: `/auth/${surface}/oidcToken`,
  surface,
  body: () => ({ oidc_token: service.subjectToken() }),
});
const ENDPOINTS: readonly Endpoint[] = [
  exchange('admin'),
  exchange('user'),
  ...ROUTE_TABLE.filter(({ access }) => access.startsWith('bearer-')).map(({ method, path, access }): Endpoint => {
    const { query = '', body } = REQUESTS[path] ?? {};
    return {
      label: `${method} ${path}`,
      method,
      path: path + query,
      surface: access === 'bearer-admin' ? 'admin' : 'user',
      body: body ?? (() => undefined),
    };
  }),
];

async function ask({ method, path, surface, body }: Endpoint, { headers }: BearerForm): Promise<number> {
  const sent = body();
  const content = sent === undefined ? '' : JSON.stringify(sent);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: localhost',
    'Connection: close',
    ...headers(tokens.get(surface)!).map((value) => `Authorization: ${value}`),
    ...(content === '' ? [] : ['Content-Type: application/json', `Content-Length: ${content.length}`]),
  ];
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${content}`, 'latin1');
  const { status } = await sendRaw(Number(new URL(service.tessera.url).port), bytes);
  return status;
}

describe.each(ENDPOINTS)('$label', (endpoint) => {
  it.each(BEARER_FORMS)('$name', async (form) => {
    // A validation that the token does not meet is a 403: the token was read.
    const passed = endpoint.path.startsWith('/auth/validate/') ? 403 : 200;
    // Avoid the limit on failures, which is not under test here.
    service.tessera.clock.advanceSeconds(4);
    expect(await ask(endpoint, form)).toBe(form.accepted ? passed : 401);
  });
});
