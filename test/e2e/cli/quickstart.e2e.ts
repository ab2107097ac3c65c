import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import { sendRaw } from '../../support/requests/raw-http.ts';
import { readPage } from '../../support/fixtures/markdown.ts';
import { freePort, type RunningProcess, startProcess } from '../../support/servers/process.ts';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';
import { TestInstallation } from './installation.ts';
import { builtProgram } from '../../support/tessera/built-program.ts';

const run = promisify(execFile);
const EXAMPLE = readPage('examples/acme.yaml');
/** A start that takes longer hangs. */
const READY_WITHIN_MS = 90_000;
const READY = 'Ctrl-C stops the server.';
const QUICKSTART = [builtProgram('cli'), 'quickstart'];

let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make({ TESSERA_DATA_DIR: 'data', LOG_LEVEL: 'info' });
});
afterEach(() => installation.remove());

function environment(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], ...installation.env, ...env };
}

async function quickstart(
  env: Readonly<Record<string, string>> = {},
  port?: number,
): Promise<RunningProcess & { port: number }> {
  port ??= await freePort();
  const running = await startProcess(process.execPath, QUICKSTART, {
    cwd: installation.folder,
    env: environment({ PORT: String(port), ...env }),
    ready: (process) => process.output().includes(READY),
    readyWithinMs: READY_WITHIN_MS,
  });
  return { ...running, port };
}

/** The output of a quickstart that is refused, on standard error. */
async function refused(env: Readonly<Record<string, string>>): Promise<string> {
  const outcome = await run(process.execPath, QUICKSTART, {
    cwd: installation.folder,
    env: environment(env),
    timeout: READY_WITHIN_MS,
  }).then(
    ({ stdout }) => ({ code: 0, stderr: stdout }),
    (error: unknown) => error as { code: number; stderr: string },
  );
  expect(outcome).toMatchObject({ code: 1 });
  return outcome.stderr;
}

interface Request {
  readonly url: string;
  readonly body: Readonly<Record<string, string>>;
}

/** The request that is printed for pasting. */
function printedRequest(output: string): Request {
  const found = /^curl -sS (\S+) -H 'content-type: application\/json' -d '(.*)'$/m.exec(output);
  if (found === null) throw new Error(`no request was printed:\n${output}`);
  return { url: found[1]!, body: JSON.parse(found[2]!) as Request['body'] };
}

/** The two lines that are printed for pasting. */
function printedExchange(output: string): string {
  const found = /^BEARER=.*\ncurl .*$/m.exec(output);
  if (found === null) throw new Error(`no exchange was printed:\n${output}`);
  return found[0];
}

function toyOf({ port }: { readonly port: number }): string {
  return `http://127.0.0.1:${port + 1}`;
}

function ask({ url, body }: Request): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function secrets(): Promise<{ id: string; label: string | null; state: string }[]> {
  const { stdout } = await installation.run(['secrets', 'list', 'acme/shop/web', '-o', 'json']);
  return (JSON.parse(stdout) as { secrets: { id: string; label: string | null; state: string }[] }).secrets;
}

async function addSecret(): Promise<string> {
  const { stdout } = await installation.run(['secrets', 'add', 'acme/shop/web', '-o', 'json']);
  return (JSON.parse(stdout) as { secret_id: string }).secret_id;
}

describe('quickstart', () => {
  it('prints a request that works, on the second run too, and one host everywhere', async () => {
    const port = await freePort();
    for (const said of [/^Created tenant acme from /m, /^Tenant acme exists already in data and was not changed\.$/m]) {
      const server = await quickstart({}, port);
      try {
        expect(server.output()).toMatch(said);
        expect(server.output()).not.toContain('It differs');
        const isFirst = server.output().includes('Created tenant');
        expect(server.output().includes('A secret that an earlier quickstart printed is no longer valid')).toBe(
          !isFirst,
        );
        const request = printedRequest(server.output());
        expect(request.url).toBe(`http://localhost:${server.port}/auth/user/generateToken`);
        const answer = await ask(request);
        expect(answer.status).toBe(200);
        expect(await answer.json()).toMatchObject({ token_type: 'Bearer', expires_in: 600 });
        const addresses = new Set(server.output().match(/https?:\/\/[^/\s";]+\w/g));
        expect([...addresses]).toEqual([`http://localhost:${server.port}`, toyOf(server)]);
        const { stdout } = await run('bash', ['-c', printedExchange(server.output())]);
        expect(JSON.parse(stdout)).toMatchObject({ token_type: 'Bearer', expires_in: expect.any(Number) });
      } finally {
        expect(await server.end()).toBe(0);
      }
    }
    expect(await secrets()).toEqual([expect.objectContaining({ label: 'quickstart', state: 'live' })]);
  });

  it('starts after a rotation that left two live secrets, and leaves both as they are', async () => {
    await installation.apply(EXAMPLE);
    const added = await addSecret();
    const before = await secrets();
    expect(before).toHaveLength(2);
    const server = await quickstart();
    try {
      expect(await secrets()).toEqual(before);
      expect(server.output()).toContain('Client acme/shop/web has two live secrets of yours');
      expect(server.output()).toContain('`node dist/cli.js secrets retire acme/shop/web ID` retires one');
      const request = printedRequest(server.output());
      expect(request.body['secret_id']).toBe('<secret>');
      expect((await ask({ ...request, body: { ...request.body, secret_id: added } })).status).toBe(200);
    } finally {
      await server.end();
    }
  });

  it('leaves a tenant that was changed as it is, and says how to reset it', async () => {
    await installation.apply(
      replaceOnce(EXAMPLE, 'email: ada@acme.example, groups: [sales]', 'email: ada@acme.example'),
    );
    const before = await installation.run(['export']);
    const server = await quickstart();
    try {
      expect(server.output()).toContain('Tenant acme exists already in data and was not changed.');
      expect(server.output()).toMatch(/^It differs from \S+acme\.yaml in 1 place\. `node dist\/cli\.js apply -f /m);
      expect((await installation.run(['export'])).stdout).toBe(before.stdout);
    } finally {
      await server.end();
    }
  });

  it('asks with a user whom the changed tenant still has', async () => {
    await installation.apply(replaceOnce(EXAMPLE, 'groups: [sales]', 'groups: [sales], status: disabled'));
    const server = await quickstart();
    try {
      const request = printedRequest(server.output());
      expect(request.body['email_id']).toBe('bob@acme.example');
      expect((await ask(request)).status).toBe(200);
    } finally {
      await server.end();
    }
  });

  it('shows log lines for people on a terminal, and JSON elsewhere', async () => {
    const port = await freePort();
    const command = [process.execPath, ...QUICKSTART].map((part) => `'${part}'`).join(' ');
    const onTerminal = await startProcess(
      'script',
      ['--quiet', '--return', '--command', `exec ${command}`, '/dev/null'],
      {
        cwd: installation.folder,
        env: environment({ PORT: String(port) }),
        ready: (process) => process.output().includes(READY) && process.output().includes('listening'),
        readyWithinMs: READY_WITHIN_MS,
      },
    );
    await onTerminal.end();
    expect(onTerminal.output()).toMatch(/^\d\d:\d\d:\d\d info {2}listening port=\d+ public_url=http:\/\/localhost:/m);
    expect(onTerminal.output()).not.toContain('"event"');
    const elsewhere = await quickstart();
    await elsewhere.end();
    expect(elsewhere.output()).toContain('"event":"listening"');
  });
});

describe('the toy provider of a quickstart', () => {
  it('gives tokens of the domain to this machine, and answers under no other name', async () => {
    const server = await quickstart();
    try {
      const toy = toyOf(server);
      const get = async (path: string, host = toy.slice('http://'.length)) =>
        (await sendRaw(server.port + 1, `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)).status;
      const token = '/token?email=ada@acme.example';
      expect(await get(token)).toBe(200);
      expect(await get('/token?email=ada')).toBe(400);
      expect(await get('//')).toBe(404);
      for (const host of ['evil.example', `localhost:${server.port + 1}`]) expect(await get(token, host)).toBe(404);
      const exchange = printedExchange(server.output()).replace('ada%40acme.example', 'ada%40other.example');
      const { stdout } = await run('bash', ['-c', exchange]);
      expect(JSON.parse(stdout)).toMatchObject({ status: 401 });
    } finally {
      await server.end();
    }
    const { stdout } = await installation.run(['doctor', 'acme', '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({ findings: [{ check: 'trusted-issuers', object: 'issuer acme/toy' }] });
    await installation.apply('apiVersion: tessera/v1\ntenants: [{ id: acme, issuers: [] }]\n', '--prune');
    expect((await installation.run(['doctor', 'acme'])).code).toBe(0);
  });

  it.each([
    ['in production', { NODE_ENV: 'production' }, undefined],
    ['for a tenant that was there before', {}, EXAMPLE],
  ])('does not run %s', async (_, env, before) => {
    if (before !== undefined) await installation.apply(before);
    const server = await quickstart(env);
    try {
      expect(server.output()).not.toContain('toy');
      await expect(fetch(toyOf(server))).rejects.toThrow('fetch failed');
      expect((await installation.run(['issuers', 'list', 'acme', '-o', 'json'])).stdout).not.toContain('toy');
    } finally {
      await server.end();
    }
  });
});

describe('the address of a quickstart', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.close();
      await once(server, 'close');
    }
  });

  async function listen(host: string): Promise<number> {
    const server = createServer((_request, response) => response.end('{"keys":[]}')).listen(0, host);
    servers.push(server);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some((one) => one.address === '::1'),
  );

  // What localhost stands for is tried in this order by browsers and curl.
  it.each(hasIpv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1'])('must not be in use at %s', async (host) => {
    const port = await listen(host);
    expect(await refused({ PORT: String(port) })).toContain(`PORT=${port + 1} npm run quickstart`);
    expect(existsSync(installation.dataDirectory)).toBe(false);
  });

  it('must not be that of another server: it would get the secret', async () => {
    const [port, other] = [await freePort(), await listen('127.0.0.1')];
    const said = await refused({ PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${other}` });
    expect(said).toContain(`Another server answers at PUBLIC_URL (http://127.0.0.1:${other}).`);
    expect(said).not.toContain('tsk_');
  });

  it('is PUBLIC_URL, also if nobody answers there yet', async () => {
    const server = await quickstart({ PUBLIC_URL: `http://127.0.0.1:${await freePort()}/auth` });
    try {
      expect(server.output()).toContain('Nobody answers at that address (PUBLIC_URL) from this machine.');
      expect(printedRequest(server.output()).url).toMatch(/\/auth\/auth\/user\/generateToken$/);
    } finally {
      await server.end();
    }
  });
});
