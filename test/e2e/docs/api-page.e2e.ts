import { ROUTE_TABLE } from '../../../src/http/routes/route-table.ts';
import { firstCells, readPage, section } from '../../support/fixtures/markdown.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
}

interface Operation {
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}

interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const page = readPage('docs/api.md');
/** Headings that are routes, as the OpenAPI document spells them. */
const documented = [...page.matchAll(/^### `([A-Z]+ [^`]+)`$/gm)].map(([, route = '']) => route);
/** Made by libraries, and not part of the OpenAPI document. */
const PAGES = ['GET /docs'];

let tessera: TestTesseraServer;
let api: ApiDocument;
beforeAll(async () => {
  tessera = await startTessera();
  api = (await (await fetch(`${tessera.url}/docs-json`)).json()) as ApiDocument;
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

function fieldsOf(content: Content | undefined): string[] {
  const schema = content?.content?.['application/json']?.schema;
  const name = schema?.$ref?.split('/').at(-1);
  return Object.keys((name === undefined ? schema : api.components.schemas[name])?.properties ?? {});
}

describe('docs/api.md', () => {
  it('has every route of the API document, and no other', () => {
    const served = operations().map(([route]) => route);
    expect(documented.filter((route) => !PAGES.includes(route)).sort()).toEqual(served.sort());
  });

  it('names every served route', () => {
    const missing = ROUTE_TABLE.filter(({ path }) => !path.startsWith('/docs/'))
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`)
      .filter((route) => !page.includes(`\`${route}\``));
    expect(missing).toEqual([]);
  });

  it('has every status of every route', () => {
    for (const [route, { responses }] of operations()) {
      const statuses = firstCells(section(page, `### \`${route}\``)).filter((cell) => /^\d{3}$/.test(cell));
      expect([route, ...statuses]).toEqual([route, ...Object.keys(responses).sort()]);
    }
  });

  it('has every field of requests, and of answers that are not standard documents', () => {
    for (const [route, { requestBody, responses }] of operations()) {
      if (route.includes('{tenantId}')) continue;
      const text = section(page, `### \`${route}\``);
      const missing = [...fieldsOf(requestBody), ...fieldsOf(responses['200'])].filter(
        (field) => !text.includes(`\`${field}\``) && !text.includes(`"${field}"`),
      );
      expect([route, ...missing]).toEqual([route]);
    }
  });

  it('has an example for every route', () => {
    const without = documented.filter(
      (route) => !PAGES.includes(route) && !section(page, `### \`${route}\``).includes('curl '),
    );
    // The admin profile is the user profile at another address.
    expect(without).toEqual(['GET /auth/admin/profile']);
  });

  it('has every claim of a token', async () => {
    const answer = await tessera.post('/auth/user/generateToken', {
      tenant_id: 'acme',
      project_id: 'shop',
      client_id: 'web',
      email_id: 'ada@acme.example',
      secret_id: tessera.secret('acme/shop/web'),
    });
    const token = (JSON.parse(answer.text) as { access_token: string }).access_token;
    const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as object;
    const rows = firstCells(section(page, '## What a token says'))
      .flatMap((cell) => cell.split(', '))
      .map((cell) => cell.replaceAll('`', ''));
    expect(rows.sort()).toEqual(Object.keys(claims).sort());
  });
});
