import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Answer, readAnswer } from '../../support/requests/answer.ts';
import { builtProgram } from '../../support/tessera/built-program.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { readPage } from '../../support/fixtures/markdown.ts';
import { freePort, type RunningProcess, startProcess } from '../../support/servers/process.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';
import { type ServerProcess, startServer } from '../../support/tessera/server-process.ts';
import { TestInstallation } from '../cli/installation.ts';
import { replaceEvery } from '../../../libs/token/test/replace-once.ts';

const EXAMPLE = 'examples/orders-service';
const TENANTS_FILE = readPage(`${EXAMPLE}/tenants.yaml`);
const REVOKED_WITHIN_MS = 2_000;

const run = promisify(execFile);

/** A copy of the example with only the packages that it names, built by its own script. */
class Copy {
  readonly folder = mkdtempSync(join(tmpdir(), 'orders-service-'));

  async build(): Promise<void> {
    // The example uses the built @tessera/client, as it is published.
    builtProgram('main');
    cpSync(join(REPOSITORY, EXAMPLE), this.folder, {
      recursive: true,
      filter: (path) => !/\/(dist|node_modules)$|\.secret$/.test(path),
    });
    for (const name of Object.keys(dependencies(this.folder))) {
      const link = join(this.folder, 'node_modules', name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(REPOSITORY, 'node_modules', name), link);
    }
    const PATH = `${REPOSITORY}/node_modules/.bin:${process.env['PATH'] ?? ''}`;
    try {
      await run('npm', ['run', '-s', 'build'], { cwd: this.folder, env: { ...process.env, PATH } });
    } catch (error) {
      throw new Error(`the example does not build:\n${(error as { stdout?: string }).stdout ?? ''}`);
    }
  }

  writeSecret(secret: string): void {
    writeFileSync(join(this.folder, 'orders.secret'), `${secret}\n`, { mode: 0o600 });
  }

  /** Like `npm run start:<name>`, with environment variables that override its file. */
  async start(name: 'orders' | 'stock', env: Readonly<Record<string, string>>): Promise<RunningProcess> {
    const { scripts } = packageOf(this.folder);
    const [, ...args] = scripts[`start:${name}`]!.split(' ');
    return startProcess(process.execPath, args, {
      cwd: this.folder,
      env: { PATH: process.env['PATH'], ...env },
      ready: async () => (await fetch(`http://127.0.0.1:${env['PORT']!}/health`).catch(() => undefined))?.ok ?? false,
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

interface Package {
  readonly scripts: Readonly<Record<string, string>>;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

function packageOf(folder: string): Package {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Package;
}

function dependencies(folder: string): Record<string, string> {
  const { dependencies: needed, devDependencies } = packageOf(folder);
  return { ...needed, ...devDependencies };
}

const copy = new Copy();
const secrets = new Map<string, string>();
let installation: TestInstallation;
let tessera: ServerProcess | undefined;
let stock: RunningProcess | undefined;
let orders: RunningProcess | undefined;
let urls: { readonly tessera: string; readonly orders: string; readonly stock: string };

beforeAll(async () => {
  const [port, ordersPort, stockPort] = [await freePort(), await freePort(), await freePort()];
  urls = {
    tessera: `http://127.0.0.1:${port}`,
    orders: `http://127.0.0.1:${ordersPort}`,
    stock: `http://127.0.0.1:${stockPort}`,
  };
  installation = await TestInstallation.make({ PUBLIC_URL: urls.tessera, LOG_LEVEL: 'info' });
  await apply(TENANTS_FILE);
  // Another tenant of the same Tessera that is otherwise identical.
  await apply(replaceEvery(TENANTS_FILE, 'globex', 'hooli'));
  await copy.build();
  copy.writeSecret(secrets.get('globex/shop/orders')!);
  [tessera, stock, orders] = await Promise.all([
    startServer({ ...installation.env, PORT: String(port) }, installation.folder),
    copy.start('stock', { PORT: String(stockPort), TOKENS_URL: urls.tessera }),
    copy.start('orders', { PORT: String(ordersPort), TOKENS_URL: urls.tessera, STOCK_URL: urls.stock }),
  ]);
});

afterAll(async () => {
  await Promise.all([orders?.end(), stock?.end(), tessera?.end()]);
  await installation.remove();
  copy.remove();
});

async function apply(tenantsFile: string): Promise<void> {
  for (const { tenant_id, project_id, client_id, secret_id } of (await installation.applied(tenantsFile)).secrets)
    secrets.set(`${tenant_id}/${project_id}/${client_id}`, secret_id);
}

/** Runs a command that must succeed, and returns its standard output. */
async function cli(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await installation.run(args);
  if (code !== 0) throw new Error(`tessera ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
}

/** Gets a token from generateToken over HTTP. */
async function tokenFor(email: string, client = 'globex/shop/web'): Promise<string> {
  const [tenant_id, project_id, client_id] = client.split('/');
  const response = await fetch(`${urls.tessera}/auth/user/generateToken`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ tenant_id, project_id, client_id, email_id: email, secret_id: secrets.get(client) }),
  });
  const { status, body } = await readAnswer(response);
  if (status !== 200) throw new Error(`no token for ${email}: ${JSON.stringify(body)}`);
  return String(body['access_token']);
}

/** Asks the token endpoint as a client. */
async function tokenAs(client: string, form: Readonly<Record<string, string>>): Promise<string> {
  const [tenant = '', project = '', id = ''] = client.split('/');
  const credentials = Buffer.from(`${project}%2F${id}:${secrets.get(client)!}`).toString('base64');
  const response = await fetch(`${urls.tessera}/tenants/${tenant}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${credentials}` },
    body: new URLSearchParams(form),
  });
  const { status, body } = await readAnswer(response);
  if (status !== 200) throw new Error(`no token for ${client}: ${JSON.stringify(body)}`);
  return String(body['access_token']);
}

/** A token of the service orders in its own name. */
const ordersToken = (audience = 'stock', tenant = 'globex') =>
  tokenAs(`${tenant}/shop/orders`, { grant_type: 'client_credentials', audience });

/** What orders makes of a customer's token to call stock. */
const exchanged = (token: string) =>
  tokenAs('globex/shop/orders', {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: 'stock',
  });

async function ask(url: string, token?: string, method = 'GET'): Promise<Answer> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return readAnswer(await fetch(url, { method, headers }));
}

const order = (token?: string, id = 'o-1') => ask(`${urls.orders}/orders/${id}`, token);
const challenge = ({ headers }: Answer) => headers.get('www-authenticate');

const ADA = 'ada@globex.example';
/** Only the other service knows the stock. */
const ADAS_ORDER = { id: 'o-1', customer: 'u-ada', article: 'lamp', inStock: 40 };

describe(`${EXAMPLE}/package.json`, () => {
  it('asks for the versions that this repository is tested with', () => {
    const installed = Object.keys(dependencies(copy.folder)).map((name): [string, string] => [
      name,
      packageOf(join(REPOSITORY, 'node_modules', name)).version,
    ]);
    expect(dependencies(copy.folder)).toEqual(Object.fromEntries(installed));
  });
});

describe('orders', () => {
  it('answers the owner of an order with what stock knows', async () => {
    const answer = await order(await tokenFor(ADA));
    expect({ status: answer.status, body: answer.body }).toEqual({ status: 200, body: ADAS_ORDER });
  });

  it("answers another customer's order like an unknown one", async () => {
    const bob = await tokenFor('bob@globex.example');
    const [others, none] = [await order(bob), await order(bob, 'o-9')];
    expect(others.status).toBe(404);
    expect(others.text).toBe(none.text);
  });

  it('refuses a call without a token', async () => {
    const answer = await order();
    expect(answer.status).toBe(401);
    expect(answer.body['error']).toBe('token_missing');
    expect(challenge(answer)).toBe('Bearer realm="orders"');
  });

  it('refuses a token that lacks the scope, and says which', async () => {
    const answer = await order(await tokenFor('carol@globex.example'));
    expect(answer.status).toBe(403);
    expect(answer.body['error']).toBe('insufficient_scope');
    expect(challenge(answer)).toBe('Bearer realm="orders", error="insufficient_scope", scope="orders:read"');
  });

  it.each([
    ['of another tenant', () => tokenFor('ada@hooli.example', 'hooli/shop/web')],
    ['for another audience', () => ordersToken('stock')],
    ['of a service', () => ordersToken('orders')],
  ])('refuses a token %s', async (_what, token) => {
    const answer = await order(await token());
    expect(answer.status).toBe(401);
    expect(answer.body['error']).toBe('invalid_token');
    expect(challenge(answer)).toBe('Bearer realm="orders", error="invalid_token"');
  });

  it('lets a manager cancel an order, but not a customer, even their own', async () => {
    const url = `${urls.orders}/orders/o-2`;
    const answer = await ask(url, await tokenFor(ADA), 'DELETE');
    expect([answer.status, answer.body['error']]).toEqual([403, 'insufficient_scope']);
    const bob = await tokenFor('bob@globex.example');
    expect((await order(bob, 'o-2')).body).toMatchObject({ article: 'chair', inStock: 3 });
    expect((await ask(url, bob, 'DELETE')).status).toBe(204);
    expect((await order(bob, 'o-2')).status).toBe(404);
    const bobs = await exchanged(bob);
    // The chair is back in stock.
    expect((await ask(`${urls.stock}/stock/chair`, bobs)).body).toEqual({ inStock: 4 });
  });

  it('refuses a token within 2 s of its revocation, and accepts another', async () => {
    const [revoked, other] = [await tokenFor(ADA), await tokenFor(ADA)];
    expect((await order(revoked)).status).toBe(200);
    const credentials = Buffer.from(`shop%2Fweb:${secrets.get('globex/shop/web')!}`).toString('base64');
    const revocation = await fetch(`${urls.tessera}/tenants/globex/revoke`, {
      method: 'POST',
      headers: { authorization: `Basic ${credentials}` },
      body: new URLSearchParams({ token: revoked }),
    });
    expect(revocation.status).toBe(200);
    await eventually('the refusal', async () => (await order(revoked)).status === 401, REVOKED_WITHIN_MS);
    expect((await order(other)).status).toBe(200);
  });

  it('recovers when its own tokens are revoked and its secret was replaced', async () => {
    const client = 'globex/shop/orders';
    const ada = await tokenFor(ADA);
    expect((await order(ada)).status).toBe(200);
    const before = await ordersToken();
    const listed = JSON.parse(await cli('secrets', 'list', client, '-o', 'json')) as { secrets: { id: string }[] };
    const added = JSON.parse(await cli('secrets', 'add', client, '-o', 'json')) as { secret_id: string };
    copy.writeSecret(added.secret_id);
    secrets.set(client, added.secret_id);
    await cli('secrets', 'retire', client, listed.secrets[0]!.id);
    await cli('revoke', '--client', client);
    const stockRefuses = async () => (await ask(`${urls.stock}/stock/lamp`, before)).status === 401;
    await eventually('the refusal by stock', stockRefuses, REVOKED_WITHIN_MS);
    // The revocation also hits a token of the same second, and a server needs a moment to read the new secret.
    await eventually('the answer with a new token', async () => (await order(ada)).status === 200);
  });
});

describe('stock', () => {
  const chairs = async () => (await ask(`${urls.stock}/stock/chair`, await exchanged(await tokenFor(ADA)))).body;
  const takeBackChair = (token: string) => ask(`${urls.stock}/stock/chair/returns`, token, 'POST');

  it('knows the customer whom orders acts for', async () => {
    const answer = await ask(`${urls.stock}/stock/lamp`, await exchanged(await tokenFor(ADA)));
    expect(answer.status).toBe(200);
  });

  it.each([
    ['a service where orders must act for a customer', 'GET', '', ordersToken],
    ['a customer where a service must call', 'POST', '/returns', async () => exchanged(await tokenFor(ADA))],
  ])('refuses %s', async (_what, method, path, token) => {
    const answer = await ask(`${urls.stock}/stock/lamp${path}`, await token(), method);
    expect([answer.status, answer.body['error']]).toEqual([403, 'insufficient_scope']);
  });

  it('takes an article back from orders, but not from the service of another tenant', async () => {
    const before = await chairs();
    expect((await takeBackChair(await ordersToken('stock', 'hooli'))).status).toBe(401);
    expect(await chairs()).toEqual(before);
    expect((await takeBackChair(await ordersToken())).status).toBe(204);
    expect(await chairs()).toEqual({ inStock: Number(before['inStock']) + 1 });
  });

  it("refuses the customer's token: it is for orders", async () => {
    const answer = await ask(`${urls.stock}/stock/lamp`, await tokenFor(ADA));
    expect(answer.status).toBe(401);
    expect(answer.body['error']).toBe('invalid_token');
    expect(challenge(answer)).toBe('Bearer realm="stock", error="invalid_token"');
  });

  it('refuses a call without a token', async () => {
    expect((await ask(`${urls.stock}/stock/lamp`)).status).toBe(401);
  });
});

describe('a start', () => {
  const start = (name: string, env: Readonly<Record<string, string>>) =>
    run(process.execPath, [join(copy.folder, `dist/${name}/main.js`)], {
      cwd: copy.folder,
      env: { PATH: process.env['PATH'], ...env },
    });
  const settingsIn = (file: string) =>
    Object.fromEntries(
      [...readPage(`${EXAMPLE}/${file}`).matchAll(/^(\w+)=(.+)$/gm)].map(([, name = '', value = '']) => [name, value]),
    );

  it.each(['orders', 'stock'])('of %s fails without settings, and names every one', async (name) => {
    const missing = Object.keys(settingsIn(`${name}.env`)).map((setting) => `${setting} is not set`);
    await expect(start(name, {})).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: `The service cannot start: ${missing.join(', ')}. README.md says what belongs there.\n`,
    });
  });

  it('of orders fails when the file with its secret is not there', async () => {
    const env = { ...settingsIn('orders.env'), CLIENT_SECRET_FILE: 'absent.secret' };
    await expect(start('orders', env)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(': CLIENT_SECRET_FILE: absent.secret cannot be read.'),
    });
  });
});

// The last test: what it stops stays stopped.
describe('an outage', () => {
  let ada: string;
  let carol: string;
  beforeAll(async () => {
    [ada, carol] = [await tokenFor(ADA), await tokenFor('carol@globex.example')];
    expect((await order(ada)).status).toBe(200);
  });

  it('of Tessera does not affect services that have the keys; they refuse as before', async () => {
    await tessera!.end();
    await expect(tokenFor(ADA)).rejects.toThrow('fetch failed');
    const answer = await order(ada);
    expect({ status: answer.status, body: answer.body }).toEqual({ status: 200, body: ADAS_ORDER });
    expect((await order(carol)).status).toBe(403);
    expect((await order()).status).toBe(401);
  });

  it('of stock is a 503, without the reason', async () => {
    await stock!.end();
    const answer = await order(ada);
    expect(answer.status).toBe(503);
    expect(answer.body['message']).toBe('stock cannot be asked now');
    expect(orders!.output()).toContain('fetch failed');
  });
});
