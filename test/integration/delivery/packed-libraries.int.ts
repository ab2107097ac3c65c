import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClientProxy, ClientProxyFactory, Transport } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { connectGateway, type GatewayConnection } from '../../../libs/client/test/applications/gateway-application.ts';
import { issuedToken } from '../../support/requests/attack-material.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';
import {
  type Build,
  buildApplication,
  type BuiltApplication,
  CLASSIC_COMMONJS,
  findEntry,
  type ForeignApplication,
  installApplication,
  packLibraries,
  runItsJest,
  runProgram,
  startApplication,
} from '../../support/tessera/foreign-application.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** The tarballs of `npm pack` in applications that are independent of this repository: installed, compiled, started and called. */
const NEST_11 = {
  '@nestjs/common': '11.2.10',
  '@nestjs/core': '11.2.10',
  '@nestjs/microservices': '11.2.6',
  '@nestjs/passport': '11.0.5',
  '@nestjs/platform-express': '11.2.10',
  '@nestjs/platform-ws': '11.2.6',
  '@nestjs/testing': '11.2.6',
  '@nestjs/websockets': '11.2.6',
  '@types/jest': '29.5.14',
  '@types/node': '20.19.43',
  '@types/passport-jwt': '4.0.1',
  jest: '29.7.0',
  passport: '0.7.0',
  'passport-jwt': '4.0.1',
  'reflect-metadata': '0.2.2',
  rxjs: '7.8.2',
  'ts-jest': '29.4.15',
  // The last version that accepts `moduleResolution: node10` without an error.
  typescript: '5.9.3',
};
const NEST_12 = {
  '@apollo/server': '5.5.1',
  '@apollo/subgraph': '2.14.4',
  '@as-integrations/fastify': '3.1.0',
  '@nestjs/apollo': '14.0.3',
  '@nestjs/common': '12.5.1',
  '@nestjs/core': '12.5.1',
  '@nestjs/graphql': '14.0.3',
  '@nestjs/microservices': '12.1.1',
  '@nestjs/passport': '12.0.0',
  '@nestjs/platform-fastify': '12.5.0',
  '@nestjs/platform-ws': '12.1.1',
  '@nestjs/websockets': '12.1.1',
  '@types/node': '20.19.43',
  '@types/passport-jwt': '4.0.1',
  graphql: '16.11.0',
  passport: '0.7.0',
  'passport-jwt': '4.0.1',
  'reflect-metadata': '0.2.2',
  rxjs: '7.8.2',
  typescript: '6.0.3',
};

/** Nest 12 is ESM. node16 does not support `require` of ESM, so it cannot compile a CommonJS application of Nest 12, with or without Tessera. */
const BUILDS: readonly (readonly [application: 'nest-11' | 'nest-12', name: string, build: Build])[] = [
  ['nest-11', 'import-node16', { type: 'module', compilerOptions: { module: 'node16' } }],
  ['nest-11', 'import-nodenext', { type: 'module', compilerOptions: { module: 'nodenext' } }],
  ['nest-11', 'require-node16', { type: 'commonjs', compilerOptions: { module: 'node16' } }],
  ['nest-11', 'require-nodenext', { type: 'commonjs', compilerOptions: { module: 'nodenext' } }],
  ['nest-11', 'require-classic', { type: 'commonjs', compilerOptions: CLASSIC_COMMONJS }],
  ['nest-12', 'import-nodenext', { type: 'module', compilerOptions: { module: 'nodenext' } }],
  ['nest-12', 'require-nodenext', { type: 'commonjs', compilerOptions: { module: 'nodenext' } }],
  ['nest-12', 'require-bundler', { type: 'commonjs', compilerOptions: { module: 'commonjs' } }],
];

let folder: string;
let tessera: TestTesseraServer;
let applications: Readonly<Record<'nest-11' | 'nest-12', ForeignApplication>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-packed-'));
  const tarballs = await packLibraries(join(folder, 'repository'), join(folder, 'tarballs'));
  // One after the other: after a failure the other install must not write into a folder that is being removed.
  applications = {
    'nest-11': await installApplication(join(folder, 'nest-11'), 'express', { ...NEST_11, ...tarballs }),
    'nest-12': await installApplication(join(folder, 'nest-12'), 'fastify', { ...NEST_12, ...tarballs }),
  };
  tessera = await startTessera();
});
afterAll(async () => {
  await tessera?.close();
  await rm(folder, { recursive: true });
});

describe.each(['token', 'client'])('@tessera/%s, as it was packed', (name) => {
  const sourceFolder = join(REPOSITORY, 'libs', name, 'src');
  const sources = filesIn(sourceFolder).filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'));
  const packed = () => join(applications['nest-11'].folder, 'node_modules/@tessera', name);

  it('holds the outputs of its sources in both forms, and nothing else', () => {
    const outputs = sources
      .map((file) => file.slice(0, -'.ts'.length))
      .flatMap((file) => ['.js', '.js.map', '.d.ts'].map((suffix) => file + suffix))
      .flatMap((file) => [`dist/cjs/${file}`, `dist/esm/${file}`]);
    const others = ['LICENSE', 'README.md', 'package.json', 'dist/esm/package.json'];
    expect(filesIn(packed()).sort()).toEqual([...outputs, ...others].sort());
  });

  it('was built from the sources as they are now', () => {
    const stale = sources.filter((file) => {
      const current = readFileSync(join(sourceFolder, file), 'utf8');
      return ['cjs', 'esm'].some((form) => {
        const map = readFileSync(join(packed(), 'dist', form, file.replace(/\.ts$/, '.js.map')), 'utf8');
        return (JSON.parse(map) as { sourcesContent: string[] }).sourcesContent[0] !== current;
      });
    });
    expect(stale).toEqual([]);
  });

  it('runs nothing when it is installed', () => {
    const { scripts } = JSON.parse(readFileSync(join(packed(), 'package.json'), 'utf8')) as { scripts: object };
    expect(Object.keys(scripts)).toEqual(['prepack']);
  });
});

it.each([
  ['@tessera/token', 'index'],
  ['@tessera/token/core', 'core'],
  ['@tessera/token/testing', 'testing'],
  ['@tessera/client', 'index'],
  ['@tessera/client/passport', 'passport'],
  ['@tessera/client/testing', 'testing'],
])('%s is its ESM by import and its CommonJS by require', async (entry, file) => {
  expect(await findEntry(applications['nest-11'], entry, 'module')).toBe(`dist/esm/${file}.js`);
  expect(await findEntry(applications['nest-11'], entry, 'commonjs')).toBe(`dist/cjs/${file}.js`);
});

describe.each(BUILDS)('%s, %s', (applicationName, buildName, build) => {
  let built: BuiltApplication;
  let app: Awaited<ReturnType<typeof startApplication>>;

  beforeAll(async () => {
    built = await buildApplication(applications[applicationName], buildName, build);
    app = await startApplication(built, { TESSERA_URL: tessera.url, TESSERA_SECRET: tessera.secret('acme/shop/web') });
  });
  afterAll(() => app?.end());

  async function ask(path: string, token?: string, method = 'GET') {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await fetch(app.url + path, { method, headers });
    const body = (await answer.json()) as Record<string, unknown>;
    return { status: answer.status, body, authenticate: answer.headers.get('www-authenticate') };
  }

  it('loads the libraries in its own form', () => {
    const program = readFileSync(join(built.folder, 'orders.module.js'), 'utf8');
    expect(program.includes('require("@tessera/client")')).toBe(build.type === 'commonjs');
    expect(/^import .* from '@tessera\/client';$/ms.test(program)).toBe(build.type === 'module');
  });

  it('finds every entry of the packages', async () => {
    expect(JSON.parse(await runProgram(built, 'without-nest'))).toEqual({
      tenant: 'acme',
      scopes: ['orders:read'],
      refused: 'TOKEN_SIGNATURE_INVALID',
      oneTestingClass: true,
      decorator: 'function',
      parser: 'function',
    });
  });

  it('accepts a token that Tessera issued, and knows its subject', async () => {
    expect(await ask('/orders', await issuedToken(tessera, 'user'))).toMatchObject({
      status: 200,
      body: {
        subject: 'u-ada',
        email: 'Ada@acme.example',
        tenant: 'acme',
        scopes: ['orders:read', 'orders:write'],
        verified: true,
      },
    });
  });

  it.each([
    ['/passport/tessera', { subject: 'u-ada', verified: true }],
    ['/passport/own', { subject: 'u-ada' }],
  ])("lets passport's guard take the same token at %s, and no other", async (path, body) => {
    const token = await issuedToken(tessera, 'user');
    expect(await ask(path, token)).toMatchObject({ status: 200, body });
    for (const refused of [undefined, `${token}A`, await issuedToken(tessera, 'admin')])
      expect((await ask(path, refused)).status).toBe(401);
  });

  it('refuses a call without a token', async () => {
    expect(await ask('/orders')).toMatchObject({
      status: 401,
      body: { error: 'token_missing' },
      authenticate: 'Bearer realm="shop-api"',
    });
  });

  it('refuses a token that lacks the scope', async () => {
    expect(await ask('/orders/1', await issuedToken(tessera, 'user'), 'DELETE')).toMatchObject({
      status: 403,
      body: { error: 'insufficient_scope' },
      authenticate: 'Bearer realm="shop-api", error="insufficient_scope", scope="orders:delete"',
    });
  });

  it('refuses a token whose scopes were changed', async () => {
    const [header, payload, signature] = (await issuedToken(tessera, 'user')).split('.');
    const claims = JSON.parse(Buffer.from(payload!, 'base64url').toString()) as { scope: string };
    claims.scope += ' orders:delete';
    const changed = Buffer.from(JSON.stringify(claims)).toString('base64url');
    expect(await ask('/orders/1', `${header}.${changed}.${signature}`, 'DELETE')).toMatchObject({
      status: 401,
      body: { error: 'invalid_token' },
      authenticate: 'Bearer realm="shop-api", error="invalid_token"',
    });
  });

  it('refuses a token of an administrator', async () => {
    expect((await ask('/orders', await issuedToken(tessera, 'admin'))).status).toBe(401);
  });

  it('refuses a token once Tessera revoked it', async () => {
    const token = await issuedToken(tessera, 'user');
    expect((await ask('/orders', token)).status).toBe(200);
    const secret = tessera.secret('acme/shop/web');
    const authorization = `Basic ${Buffer.from(`shop%2Fweb:${secret}`).toString('base64')}`;
    expect((await tessera.postForm('/tenants/acme/revoke', { token }, { authorization })).status).toBe(200);
    await eventually('refused', async () => (await ask('/orders', token)).status === 401);
  });

  it('gets its own token for an outgoing call', async () => {
    expect(await ask('/who-am-i')).toMatchObject({ status: 200, body: { email_id: 'Ada@acme.example' } });
  });

  it('leaves public routes open', async () => {
    expect(await ask('/health')).toMatchObject({ status: 200, body: { status: 'ok' } });
  });
});

/** Declarations of other packages are not checked here: those of Apollo need more than an application installs. */
const TRANSPORT_BUILDS = [
  {
    applicationName: 'nest-11',
    programs: ['transports.module.ts', 'transports-express.ts'],
    build: { type: 'commonjs', compilerOptions: { ...CLASSIC_COMMONJS, skipLibCheck: true } },
  },
  {
    applicationName: 'nest-12',
    programs: ['transports.module.ts', 'subgraph.module.ts', 'transports-fastify.ts'],
    build: { type: 'module', compilerOptions: { module: 'nodenext', skipLibCheck: true } },
  },
] as const;

describe.each(TRANSPORT_BUILDS)('a hybrid application of $applicationName', ({ applicationName, programs, build }) => {
  let app: Awaited<ReturnType<typeof startApplication>>;
  let gateway: GatewayConnection;
  let microservice: ClientProxy;
  let token: string;

  beforeAll(async () => {
    const application = applications[applicationName];
    const built = await buildApplication(application, 'transports', build, programs);
    app = await startApplication(built, { TESSERA_URL: tessera.url }, `transports-${application.program}`);
    gateway = await connectGateway(`${app.url.replace('http', 'ws')}/gateway`, {});
    const port = Number(/^rpc on (\d+)$/m.exec(app.output())?.[1]);
    microservice = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
    token = await issuedToken(tessera, 'user');
  });
  afterAll(async () => {
    gateway?.close();
    await microservice?.close();
    await app?.end();
  });

  const refused = (message: string, error: string) => ({ status: 'error', message, error });

  it('accepts a token over WebSocket, and refuses in its form', async () => {
    expect(await gateway.ask('orders', { token })).toEqual({ event: 'orders', data: 'u-ada' });
    for (const [event, data, error] of [
      ['orders', {}, refused('Unauthorized', 'token_missing')],
      ['orders', { token: `${token}A` }, refused('Unauthorized', 'invalid_token')],
      ['delete', { token }, refused('Forbidden', 'insufficient_scope')],
    ] as const)
      expect(await gateway.ask(event, data)).toEqual({ event: 'exception', data: error });
  });

  it('accepts a token over TCP, and refuses in its form', async () => {
    const send = (pattern: string, data: object) => firstValueFrom(microservice.send<unknown>(pattern, data));
    expect(await send('orders', { order: '1', token })).toBe('order 1 of acme');
    for (const [pattern, data, error] of [
      ['orders', { order: '1' }, refused('Unauthorized', 'token_missing')],
      ['orders', { order: '1', token: `${token}A` }, refused('Unauthorized', 'invalid_token')],
      ['delete', { token }, refused('Forbidden', 'insufficient_scope')],
    ] as const)
      await expect(send(pattern, data)).rejects.toEqual(error);
  });

  it('accepts a token over HTTP, and refuses a call without one', async () => {
    const answer = await fetch(`${app.url}/orders`, { headers: { authorization: `Bearer ${token}` } });
    expect(await answer.json()).toEqual({ tenant: 'acme' });
    expect((await fetch(`${app.url}/orders`)).status).toBe(401);
  });

  (applicationName === 'nest-12' ? it : it.skip)(
    'accepts a token in queries, fields and references of a subgraph, and refuses in the form of GraphQL',
    async () => {
      const ask = async (query: string, bearer?: string) => {
        const authorization = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
        const headers = { 'content-type': 'application/json', ...authorization };
        const answer = await fetch(`${app.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
        return (await answer.json()) as { readonly data: unknown; readonly errors?: readonly object[] };
      };
      const entities = '{ _entities(representations: [{ __typename: "Order", id: "1" }]) { ... on Order { id } } }';
      expect((await ask('{ subject }', token)).data).toEqual({ subject: 'u-ada' });
      expect((await ask(entities, token)).data).toEqual({ _entities: [{ id: 'acme' }] });
      for (const [query, bearer, code, error] of [
        ['{ subject }', undefined, 'UNAUTHENTICATED', 'token_missing'],
        ['{ subject }', `${token}A`, 'UNAUTHENTICATED', 'invalid_token'],
        [entities, undefined, 'UNAUTHENTICATED', 'token_missing'],
        ['{ order { margin } }', token, 'FORBIDDEN', 'insufficient_scope'],
      ] as const)
        expect((await ask(query, bearer)).errors).toMatchObject([{ extensions: { code, error } }]);
    },
  );
});

it("runs in a Nest 11 application's Jest, which is CommonJS", async () => {
  expect(await runItsJest(applications['nest-11'])).toBe(8);
});

function filesIn(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}
