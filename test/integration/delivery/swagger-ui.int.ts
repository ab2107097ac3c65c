import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import type { Locator } from 'playwright-core';
import { launchChromium, type RunningBrowser } from '../../support/servers/chromium.ts';
import { freePort } from '../../support/servers/process.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';
import { runProgram } from '../../support/tessera/run-program.ts';
import { startServer } from '../../support/tessera/server-process.ts';

/** Somebody who knows only the quickstart opens /docs of the built server in a real browser and presses every button. */
const QUICKSTART = join(REPOSITORY, 'examples/acme.yaml');
const PREFIX = '/tokens';
let tessera: BuiltServer;
let behindPrefix: BuiltServer;
let proxy: Server;
let browser: RunningBrowser;
const errors: string[] = [];
beforeAll(async () => {
  tessera = await startBuilt();
  const port = await freePort();
  behindPrefix = await startBuilt(`http://localhost:${port}${PREFIX}`);
  proxy = await startProxy(port, behindPrefix.port);
  browser = await launchChromium();
  await browser.page.setViewportSize({ width: 1300, height: 1000 });
  browser.page.on('pageerror', (error) => errors.push(String(error)));
  browser.page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
});
afterAll(async () => {
  await browser.close();
  await new Promise((closed) => proxy.close(closed));
  await behindPrefix.close();
  await tessera.close();
});

interface BuiltServer {
  /** PUBLIC_URL. */
  readonly url: string;
  readonly port: number;
  /** The secret that `apply` showed for `tenant/project/client`. */
  secret(client: string): string;
  close(): Promise<void>;
}

async function startBuilt(publicUrl?: string): Promise<BuiltServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-swagger-ui-'));
  const port = await freePort();
  const url = publicUrl ?? `http://localhost:${port}`;
  const env = {
    PORT: String(port),
    PUBLIC_URL: url,
    TESSERA_DATA_DIR: join(folder, 'data'),
    // So many that no test reaches the limit by accident.
    TESSERA_FAILURES_PER_MINUTE: '100000',
  };
  const applied = await runProgram('cli', ['apply', '-f', QUICKSTART, '--output', 'json'], { folder, env });
  const { secrets } = JSON.parse(applied) as { secrets: Record<string, string>[] };
  const server = await startServer(env, folder);
  return {
    url,
    port,
    secret: (client) => {
      const found = secrets.find(
        (each) => `${each['tenant_id']}/${each['project_id']}/${each['client_id']}` === client,
      );
      if (found?.['secret_id'] === undefined) throw new Error(`no secret was shown for ${client}`);
      return found['secret_id'];
    },
    close: async () => {
      await server.end();
      rmSync(folder, { recursive: true });
    },
  };
}

/** A reverse proxy that removes the path prefix, as the ones in front of servers do. */
function startProxy(port: number, target: number): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    if (incoming.url?.startsWith(`${PREFIX}/`) !== true) {
      outgoing.writeHead(404).end();
      return;
    }
    const path = incoming.url.slice(PREFIX.length);
    const { method, headers } = incoming;
    const onward = request({ host: '127.0.0.1', port: target, path, method, headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  return new Promise((listening) => {
    server.listen(port, 'localhost', () => {
      listening(server);
    });
  });
}

async function open(address = `${tessera.url}/docs`): Promise<void> {
  await browser.page.goto(address, { waitUntil: 'networkidle' });
  await browser.page.locator('.opblock').first().waitFor();
}

async function routesOf(blocks: Locator): Promise<string[]> {
  const texts = await blocks.locator('.opblock-summary-control').allInnerTexts();
  // Swagger UI puts zero-width spaces where a path may break.
  return texts.map((text) => text.replaceAll('\u200b', '').split(/\s+/).slice(0, 2).join(' '));
}

async function blockOf(route: string): Promise<Locator> {
  const blocks = browser.page.locator('.opblock');
  const place = (await routesOf(blocks)).indexOf(route);
  if (place === -1) throw new Error(`the page does not list ${route}`);
  return blocks.nth(place);
}

/** Opens the form of a route, if it is not open. */
async function opened(route: string): Promise<Locator> {
  const block = await blockOf(route);
  const button = block.locator('button.execute');
  if (!(await button.isVisible())) await block.locator('.opblock-summary-control').click();
  await button.waitFor();
  await block.locator('.responses-table .response').first().waitFor();
  return block;
}

interface Shown {
  /** The status, or what the page asks for before it sends anything. */
  readonly status: string;
  readonly text: string;
  readonly address: string;
}

async function execute(block: Locator): Promise<Shown> {
  await block.locator('button.execute').click();
  const response = block.locator('.live-responses-table .response').first();
  const complaint = block.locator('input.invalid').first();
  await response.or(complaint).first().waitFor();
  if (await complaint.isVisible())
    return { status: `${await complaint.getAttribute('placeholder')}: required`, text: '', address: '' };
  const body = response.locator('.response-col_description pre').first();
  return {
    status: (await response.locator('.response-col_status').innerText()).trim().split(/\s/)[0] ?? '',
    text: (await body.isVisible()) ? await body.innerText() : '',
    address: await block.locator('.request-url pre').innerText(),
  };
}

/** Replaces the text that says what to paste here. */
async function paste(block: Locator, value: string): Promise<void> {
  const form = block.locator('textarea.body-param__text');
  const text = await form.inputValue();
  const told = text.replace(/"paste [^"]*"/, JSON.stringify(value));
  if (told === text) throw new Error(`the example does not say what to paste: ${text}`);
  await form.fill(told);
}

async function tokenFor(surface: 'user' | 'admin'): Promise<string> {
  const block = await opened(`POST /auth/${surface}/generateToken`);
  await paste(block, tessera.secret('acme/shop/web'));
  const shown = await execute(block);
  expect(shown.status).toBe('200');
  return (JSON.parse(shown.text) as { access_token: string }).access_token;
}

async function dialog(): Promise<Locator> {
  await browser.page.locator('button.authorize').first().click();
  const modal = browser.page.locator('.modal-ux');
  await modal.waitFor();
  return modal;
}

async function authorize(fields: Readonly<Record<string, string>>): Promise<void> {
  const modal = await dialog();
  for (const [field, value] of Object.entries(fields)) await modal.locator(`#${field}`).fill(value);
  await modal
    .locator('.auth-container', { has: browser.page.locator(`#${Object.keys(fields)[0]!}`) })
    .locator('button.authorize')
    .click();
  await modal.locator('.close-modal').click();
}

async function isAuthorized(): Promise<boolean> {
  return (await browser.page.locator('.scheme-container button.authorize.locked').count()) > 0;
}

async function stored(storage: 'localStorage' | 'sessionStorage'): Promise<string> {
  return browser.page.evaluate<string>(`JSON.stringify({ ...${storage} })`);
}

/** What the first press of Execute answers on a page that was only just opened. A route without a row fails. */
const FIRST_EXECUTE: readonly (readonly [route: string, answer: string])[] = [
  ['POST /auth/user/generateToken', '401'],
  ['POST /auth/user/oidcToken', '401'],
  ['POST /auth/admin/generateToken', '401'],
  ['POST /auth/admin/oidcToken', '401'],
  ['POST /tenants/{tenantId}/token', '401'],
  ['GET /auth/user/profile', '401'],
  ['POST /auth/user/verifyToken', '401'],
  ['GET /auth/validate', '401'],
  ['GET /auth/validate/scope', '401'],
  ['GET /auth/validate/resource', '401'],
  ['POST /auth/validate/permissions', '401'],
  ['GET /auth/user/health', '200'],
  ['GET /auth/admin/profile', '401'],
  ['POST /auth/admin/verifyToken', '401'],
  ['GET /auth/admin/health', '200'],
  ['POST /tenants/{tenantId}/introspect', 'token: required'],
  ['POST /tenants/{tenantId}/revoke', 'token: required'],
  ['GET /revocations', '200'],
  ['GET /tenants/{tenantId}/jwks.json', '200'],
  ['GET /tenants/{tenantId}/.well-known/openid-configuration', '200'],
  ['GET /.well-known/oauth-authorization-server/tenants/{tenantId}', '200'],
  ['GET /healthz', '200'],
  ['GET /readyz', '200'],
  ['GET /metrics', '200'],
];

it('has the title of Tessera, and neither name nor logo of Swagger', async () => {
  await open();
  expect(await browser.page.title()).toBe('Tessera API');
  expect(await browser.page.locator('.info .title').innerText()).toMatch(/^Tessera/);
  expect(await browser.page.locator('body').innerText()).not.toMatch(/swagger/i);
  expect(await browser.page.locator('.topbar').count()).toBe(0);
  const icons = await browser.page.evaluate('[...document.querySelectorAll("link[rel=icon]")].map(({ href }) => href)');
  expect(icons).toEqual([expect.stringMatching(/^data:image\/svg\+xml,/)]);
});

it('lists every route, those of users first', async () => {
  await open();
  expect(await routesOf(browser.page.locator('.opblock'))).toEqual(FIRST_EXECUTE.map(([route]) => route));
});

it('shows each opened route on at most 2,000 pixels, and executes it as it is', async () => {
  await open();
  const shown: (readonly [string, string])[] = [];
  for (const [route] of FIRST_EXECUTE) {
    const block = await opened(route);
    const { height } = (await block.boundingBox())!;
    expect([route, Math.max(height, 2_000)]).toEqual([route, 2_000]);
    shown.push([route, (await execute(block)).status]);
    await block.locator('.opblock-summary-control').click();
  }
  expect(shown).toEqual(FIRST_EXECUTE);
});

it('shows one row for an error response, with its codes', async () => {
  await open();
  const rows = (await opened('POST /auth/user/generateToken')).locator('.responses-table .tessera-error');
  expect(await rows.locator('.response-col_status').allInnerTexts()).toEqual([
    '400',
    '401',
    '404',
    '413',
    '415',
    '429',
    '500',
    '503',
  ]);
  expect(await rows.locator('code').allInnerTexts()).toEqual([
    'invalid_request',
    'unauthorized',
    'client_not_found',
    'payload_too_large',
    'unsupported_media_type',
    'too_many_requests',
    'token_too_large',
    'server_error',
    'temporarily_unavailable',
  ]);
});

it('answers 200 everywhere, once the page has what it asks for', async () => {
  await open();
  const token = await tokenFor('user');
  expect(decodeJwt(token)).toMatchObject({ sub: 'u-ada', tenant_id: 'acme', surface: 'user' });
  mkdirSync(join(REPOSITORY, 'test-results'), { recursive: true });
  await browser.page.screenshot({ path: join(REPOSITORY, 'test-results', 'swagger-ui.png'), fullPage: true });
  await authorize({ 'auth-bearer-value': token });
  for (const route of [
    'GET /auth/user/profile',
    'GET /auth/validate',
    'GET /auth/validate/scope',
    'GET /auth/validate/resource',
    'POST /auth/validate/permissions',
  ])
    expect([route, (await execute(await opened(route))).status]).toEqual([route, '200']);

  const verify = await opened('POST /auth/user/verifyToken');
  await paste(verify, token);
  expect(JSON.parse((await execute(verify)).text)).toMatchObject({ sub: 'u-ada' });

  await authorize({ 'auth-basic-username': 'shop/web', 'auth-basic-password': tessera.secret('acme/shop/web') });
  const introspect = await opened('POST /tenants/{tenantId}/introspect');
  await introspect.locator('[data-property-name=token] input').fill(token);
  expect(JSON.parse((await execute(introspect)).text)).toMatchObject({ active: true, sub: 'u-ada' });
  const revoke = await opened('POST /tenants/{tenantId}/revoke');
  await revoke.locator('[data-property-name=token] input').fill(token);
  expect((await execute(revoke)).status).toBe('200');
  expect((await execute(await opened('GET /auth/user/profile'))).status).toBe('401');

  await open();
  const admin = await tokenFor('admin');
  expect(decodeJwt(admin)).toMatchObject({ sub: 'a-root', surface: 'admin' });
  await authorizeAgain(admin);
  expect((await execute(await opened('GET /auth/admin/profile'))).status).toBe('200');
});

describe('the token endpoint', () => {
  const ROUTE = 'POST /tenants/{tenantId}/token';
  const field = (block: Locator, name: string) => block.locator(`[data-property-name=${name}] input[type=text]`);
  const secret = () => tessera.secret('acme/shop/billing');

  /** Also what the page has sent. */
  async function executeForm(block: Locator): Promise<Shown & { readonly form: Readonly<Record<string, string>> }> {
    const sent = browser.page.waitForRequest((request) => request.method() === 'POST');
    const shown = await execute(block);
    return { ...shown, form: Object.fromEntries(new URLSearchParams((await sent).postData() ?? '')) };
  }

  it('gives a service its token at the first press of Execute, once the page has its secret', async () => {
    await open();
    await authorize({ 'auth-basic-username': 'shop/billing', 'auth-basic-password': secret() });
    const block = await opened(ROUTE);
    const shown = await executeForm(block);
    await browser.page.screenshot({
      path: join(REPOSITORY, 'test-results', 'swagger-ui-token-endpoint.png'),
      fullPage: true,
    });
    expect(shown).toMatchObject({ status: '200', form: { grant_type: 'client_credentials' } });
    expect(Object.keys(shown.form)).toEqual(['grant_type']);
    const { access_token: token } = JSON.parse(shown.text) as { access_token: string };
    expect(decodeJwt(token)).toMatchObject({ sub: 'client:shop/billing', surface: 'service', aud: 'billing-api' });

    await field(block, 'scope').fill('orders:read');
    const narrowed = await executeForm(block);
    expect(narrowed.form).toEqual({ grant_type: 'client_credentials', scope: 'orders:read' });
    expect(JSON.parse(narrowed.text)).toMatchObject({ scope: 'orders:read' });
    await field(block, 'scope').fill('everything');
    const refused = await executeForm(block);
    expect([refused.status, JSON.parse(refused.text)]).toMatchObject(['400', { error: 'invalid_scope' }]);

    const introspect = await opened('POST /tenants/{tenantId}/introspect');
    await field(introspect, 'token').fill(token);
    await introspect.locator('[data-property-name=surface] select').selectOption('service');
    expect(JSON.parse((await execute(introspect)).text)).toMatchObject({ active: true, sub: 'client:shop/billing' });
  });

  it('takes the client and its secret in the form, and exchanges a token', async () => {
    await open();
    const block = await opened(ROUTE);
    await field(block, 'client_id').fill('shop/billing');
    await field(block, 'client_secret').fill(secret());
    const shown = await executeForm(block);
    expect([shown.status, Object.keys(shown.form).sort()]).toEqual([
      '200',
      ['client_id', 'client_secret', 'grant_type'],
    ]);

    const { access_token: token } = JSON.parse(shown.text) as { access_token: string };
    await block
      .locator('[data-property-name=grant_type] select')
      .selectOption('urn:ietf:params:oauth:grant-type:token-exchange');
    await field(block, 'audience').fill('shop-api');
    await field(block, 'subject_token').fill(token);
    await block.locator('[data-property-name=subject_token_type] select').selectOption({ index: 1 });
    const exchange = await executeForm(block);
    expect(Object.keys(exchange.form).sort()).toEqual([
      'audience',
      'client_id',
      'client_secret',
      'grant_type',
      'subject_token',
      'subject_token_type',
    ]);
    expect(exchange.status).toBe('200');
    expect(decodeJwt((JSON.parse(exchange.text) as { access_token: string }).access_token)).toMatchObject({
      aud: 'shop-api',
      act: { sub: 'client:shop/billing' },
    });
  });

  it('shows one row for each status, with its codes', async () => {
    await open();
    const rows = (await opened(ROUTE)).locator('.responses-table .tessera-error');
    expect(await rows.locator('code').allInnerTexts()).toEqual([
      'invalid_request',
      'invalid_grant',
      'invalid_scope',
      'invalid_target',
      'unauthorized_client',
      'unsupported_grant_type',
      'invalid_client',
      'route_not_found',
      'payload_too_large',
      'unsupported_media_type',
      'too_many_requests',
      'token_too_large',
      'server_error',
      'temporarily_unavailable',
    ]);
  });
});

async function authorizeAgain(token: string): Promise<void> {
  const modal = await dialog();
  await modal.getByText('Logout').first().click();
  await modal.locator('.close-modal').click();
  await authorize({ 'auth-bearer-value': token });
}

it('shows the refusal of a wrong secret, and of an unauthenticated introspection without a login window of the browser', async () => {
  await open();
  const generate = await opened('POST /auth/user/generateToken');
  await paste(generate, 'wrong');
  const refused = await execute(generate);
  expect(JSON.parse(refused.text)).toMatchObject({ status: 401, error: 'unauthorized', title: 'Unauthorized' });
  const introspect = await opened('POST /tenants/{tenantId}/introspect');
  await introspect.locator('[data-property-name=token] input').fill('any');
  expect(JSON.parse((await execute(introspect)).text)).toMatchObject({ status: 401, error: 'invalid_client' });
});

describe('Authorize', () => {
  /** A JWT that expires in so many seconds by the clock of the browser. Its signature is of no use to the page. */
  const expiringIn = (seconds: number) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    return `${part({ alg: 'ES256' })}.${part({ exp: Math.floor(Date.now() / 1000) + seconds, sub: 'ÿ?>' })}.c2ln`;
  };

  beforeEach(async () => {
    await open();
    await browser.page.evaluate('sessionStorage.clear()');
    await open();
  });

  it('says where a token comes from', async () => {
    const text = await (await dialog()).innerText();
    expect(text).toMatch(/access_token from the response of POST \/auth\/user\/generateToken/);
    expect(text).toMatch(/Password: the secret_id of generateToken/);
  });

  it('keeps a token across a reload, in this tab only', async () => {
    await authorize({ 'auth-bearer-value': expiringIn(600) });
    await open();
    expect(await isAuthorized()).toBe(true);
    expect(await stored('localStorage')).toBe('{}');
    const shown = await execute(await opened('GET /auth/user/profile'));
    expect(shown.status).toBe('401');
    expect(await (await blockOf('GET /auth/user/profile')).locator('.curl-command').innerText()).toContain('Bearer ey');
  });

  it('forgets a token at the logout', async () => {
    await authorize({ 'auth-bearer-value': expiringIn(600) });
    const modal = await dialog();
    await modal.getByText('Logout').first().click();
    await modal.locator('.close-modal').click();
    await open();
    expect([await isAuthorized(), await stored('sessionStorage')]).toEqual([false, '{}']);
  });

  it.each([
    ['an expired token', { 'auth-bearer-value': expiringIn(-1) }],
    ['what is no JWT', { 'auth-bearer-value': 'nonsense' }],
    ['the secret of a client', { 'auth-basic-username': 'shop/web', 'auth-basic-password': 'a-long-lived-secret' }],
  ])('forgets %s at a reload', async (_, fields) => {
    await authorize(fields);
    expect(await isAuthorized()).toBe(true);
    await open();
    expect([await isAuthorized(), await stored('sessionStorage'), await stored('localStorage')]).toEqual([
      false,
      '{}',
      '{}',
    ]);
  });
});

describe('behind a path prefix', () => {
  it('sends requests to PUBLIC_URL', async () => {
    await open(`${behindPrefix.url}/docs`);
    expect(await browser.page.locator('.servers').innerText()).toBe(behindPrefix.url);
    expect(await execute(await opened('GET /healthz'))).toMatchObject({
      status: '200',
      address: `${behindPrefix.url}/healthz`,
    });
  });

  it.each(['/docs', '/docs/'])('sends requests to the server itself when opened there: %s', async (page) => {
    const itself = `http://127.0.0.1:${behindPrefix.port}`;
    await open(`${itself}${page}`);
    expect(await browser.page.locator('.servers').innerText()).toContain(`PUBLIC_URL is ${behindPrefix.url}`);
    expect(await execute(await opened('GET /healthz'))).toMatchObject({
      status: '200',
      address: `${itself}/healthz`,
    });
  });
});

it('loads without an error and without a request to another host', async () => {
  const hosts = new Set<string>();
  browser.page.on('request', (sent) => {
    const { host, protocol } = new URL(sent.url());
    if (protocol !== 'data:') hosts.add(host);
  });
  errors.length = 0;
  await open();
  expect([...hosts]).toEqual([new URL(tessera.url).host]);
  expect(errors).toEqual([]);
});
