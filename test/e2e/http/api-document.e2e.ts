import { ROUTE_TABLE } from '../../../src/http/routes/route-table.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

interface Example {
  readonly example?: unknown;
}

interface Content {
  readonly schema?: Example;
  readonly examples?: Readonly<Record<string, unknown>>;
}

interface Response {
  readonly $ref?: string;
  readonly content?: Readonly<Record<string, Content>>;
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly required?: boolean; readonly schema: Example }[];
  readonly responses: Readonly<Record<string, Response>>;
}

interface ApiDocument {
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly responses: Readonly<Record<string, Response>> };
}

let tessera: TestTesseraServer;
let api: ApiDocument;
beforeAll(async () => {
  tessera = await startTessera({ env: { PUBLIC_URL: 'https://login.example/tokens' } });
  // Not at its public URL, which nobody serves here.
  api = (await (await fetch(`http://127.0.0.1:${tessera.config.port}/docs-json`)).json()) as ApiDocument;
});
afterAll(() => tessera.close());

function operations(): [route: string, operation: Operation][] {
  return Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  );
}

function resolve(response: Response): Response {
  const name = response.$ref?.replace('#/components/responses/', '');
  return name === undefined ? response : api.components.responses[name]!;
}

it('names PUBLIC_URL with its path prefix as the server', () => {
  expect(api.servers).toEqual([{ url: 'https://login.example/tokens' }]);
});

it('lists the routes in the order of the route table, those of users before those of administrators', () => {
  const paths = Object.keys(api.paths);
  const rows = ROUTE_TABLE.map(({ path }) => path.replace(/:(\w+)/g, '{$1}'));
  expect(paths).toEqual(rows.filter((path) => paths.includes(path)));
  for (const path of paths.filter((candidate) => candidate.startsWith('/auth/admin/')))
    expect(paths.indexOf(path.replace('/admin/', '/user/'))).toBeLessThan(paths.indexOf(path));
});

it('has an example for every parameter that is required', () => {
  const examples = operations().flatMap(([route, { parameters = [] }]) =>
    parameters
      .filter(({ required }) => required)
      .map(({ name, schema }) => `${route} ${name}=${String(schema.example)}`),
  );
  expect(examples.sort()).toEqual([
    'GET /.well-known/oauth-authorization-server/tenants/{tenantId} tenantId=acme',
    'GET /auth/validate/resource resource=orders',
    'GET /auth/validate/scope scope=orders:read',
    'GET /tenants/{tenantId}/.well-known/openid-configuration tenantId=acme',
    'GET /tenants/{tenantId}/jwks.json tenantId=acme',
    'POST /tenants/{tenantId}/introspect tenantId=acme',
    'POST /tenants/{tenantId}/revoke tenantId=acme',
    'POST /tenants/{tenantId}/token tenantId=acme',
  ]);
});

it('writes each error response once, and names its codes at every route that has it', () => {
  const { responses } = api.paths['/auth/user/generateToken']!['post']!;
  const codes = Object.entries(responses).map(([status, response]) => [
    status,
    response.$ref,
    ...Object.keys(resolve(response).content?.['application/problem+json']?.examples ?? {}),
  ]);
  const shared = (name: string) => `#/components/responses/${name}`;
  expect(codes).toEqual([
    ['200', undefined],
    ['400', shared('invalid_request'), 'invalid_request'],
    ['401', shared('unauthorized'), 'unauthorized'],
    ['404', shared('client_not_found'), 'client_not_found'],
    ['413', shared('payload_too_large'), 'payload_too_large'],
    ['415', shared('unsupported_media_type'), 'unsupported_media_type'],
    ['429', shared('too_many_requests'), 'too_many_requests'],
    ['500', shared('token.token_too_large.server_error'), 'token_too_large', 'server_error'],
    ['503', shared('token.temporarily_unavailable'), 'temporarily_unavailable'],
  ]);
  for (const [route, operation] of operations())
    for (const [status, response] of Object.entries(operation.responses))
      expect([route, status, resolve(response) === undefined]).toEqual([route, status, false]);
});

it('has the form of RFC 6749 for each error of the token endpoint but that of an unknown tenant', () => {
  const { responses } = api.paths['/tenants/{tenantId}/token']!['post']!;
  const forms = Object.entries(responses)
    .filter(([status]) => status >= '400')
    .map(([status, response]) => [status, ...Object.keys(resolve(response).content!)]);
  expect(forms).toEqual(
    ['400', '401', '404', '413', '415', '429', '500', '503'].map((status) => [
      status,
      status === '404' ? 'application/problem+json' : 'application/json',
    ]),
  );
  expect(responses['401']!.$ref).toBe('#/components/responses/oauth.invalid_client');
});

it('keeps the title of an error at token endpoints apart from that of the same error elsewhere', () => {
  const titleAt = (path: string, method: string) =>
    (
      resolve(api.paths[path]![method]!.responses['503']!).content!['application/problem+json']!.examples![
        'temporarily_unavailable'
      ] as { value: { title: string } }
    ).value.title;
  expect(titleAt('/auth/user/generateToken', 'post')).toBe('Failed to generate token');
  expect(titleAt('/auth/user/profile', 'get')).toBe('Service unavailable');
});

it('shows as an example of a valid token what the server answers for one', async () => {
  const address = `http://127.0.0.1:${tessera.config.port}`;
  const secret = tessera.secret('acme/shop/web');
  const post = async (path: string, body: string | URLSearchParams) => {
    const headers = typeof body === 'string' ? { 'content-type': 'application/json' } : {};
    const answer = await fetch(address + path, { method: 'POST', headers, body });
    expect([path, answer.status]).toEqual([path, 200]);
    return (await answer.json()) as Record<string, unknown>;
  };
  const exampleOf = (path: string) =>
    api.paths[path]!['post']!.responses['200']!.content!['application/json']!.schema!.example as object;
  const { access_token: token } = await post(
    '/auth/user/generateToken',
    JSON.stringify({
      tenant_id: 'acme',
      project_id: 'shop',
      client_id: 'web',
      email_id: 'ada@acme.example',
      secret_id: secret,
    }),
  );
  const verified = await post('/auth/user/verifyToken', JSON.stringify({ token }));
  expect(Object.keys(exampleOf('/auth/user/verifyToken')).sort()).toEqual(Object.keys(verified).sort());
  const introspected = await post(
    '/tenants/acme/introspect',
    new URLSearchParams({ token: token as string, client_id: 'shop/web', client_secret: secret }),
  );
  expect(Object.keys(exampleOf('/tenants/{tenantId}/introspect')).sort()).toEqual(Object.keys(introspected).sort());
});
