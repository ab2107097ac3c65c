import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { shutDown } from '../../../src/health/shutdown.ts';
import { type RunningEdge, startEdge } from '../../support/tessera/edge.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { openSocket, readAnswer } from '../../support/requests/raw-http.ts';
import { startProcess } from '../../support/servers/process.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';
import { startServer } from '../../support/tessera/server-process.ts';
import { builtProgram } from '../../support/tessera/built-program.ts';
import { startStopwatch } from '../../../libs/token/test/stopwatch.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-shutdown-'));
});
afterAll(() => rm(folder, { recursive: true }));

const HEAD = 'POST /probe/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';

describe('a shutdown', () => {
  let edge: RunningEdge;
  beforeEach(async () => {
    edge = await startEdge();
  });

  it('answers received requests completely, and accepts no new ones', async () => {
    const slow = fetch(`${edge.url}/probe/slow`);
    const body = await openSocket(edge.port);
    const bodyAnswer = readAnswer(body);
    body.write(`${HEAD}Content-Length: 7\r\n\r\n{"a`);
    await eventually('the request waits', () => edge.gate.waiting === 1);
    await delay(50);

    const down = shutDown(edge.app);
    await delay(500);
    await expect(openSocket(edge.port)).rejects.toThrow('ECONNREFUSED');
    body.write('":1}');
    edge.gate.open();

    const answer = await slow;
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ slow: true });
    expect(await bodyAnswer).toMatchObject({ status: 200, body: '{"received":{"a":1}}' });
    await down;
  });

  it('serves a request in transit on an open connection, and closes the connection after it', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await getThrough(agent, `${edge.url}/healthz`)).toMatchObject({ status: 200, connection: 'keep-alive' });
    const down = shutDown(edge.app);
    const ready = await getThrough(agent, `${edge.url}/readyz`);
    expect(ready).toMatchObject({ status: 503, connection: 'close' });
    expect(ready.body).toContain('"down":["shutting down"]');
    await down;
    agent.destroy();
  });

  it('also closes connections after responses to requests from before the signal', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const slow = getThrough(agent, `${edge.url}/probe/slow`);
    await eventually('the request waits', () => edge.gate.waiting === 1);
    const down = shutDown(edge.app);
    edge.gate.open();
    expect(await slow).toMatchObject({ status: 200, connection: 'close' });
    await down;
    agent.destroy();
  });

  it('does not wait for connections that are idle', async () => {
    const silent = await openSocket(edge.port);
    const stopwatch = startStopwatch();
    await Promise.all([readAnswer(silent), shutDown(edge.app)]);
    expect(stopwatch.stop()).toBeLessThan(2_000);
  });

  it('closes connections that are still sending after the time limit of a request', async () => {
    const sender = await openSocket(edge.port);
    const answer = readAnswer(sender);
    sender.write(`${HEAD}Content-Length: 1000\r\n\r\n`);
    await delay(50);
    const stopwatch = startStopwatch();
    await shutDown(edge.app);
    await answer;
    expect(stopwatch.stop()).toBeLessThan(13_000);
  });
});

describe('the server process', () => {
  it.each(['SIGTERM', 'SIGHUP'] as const)(
    'ends with 0 at %s under load, with an answer for every request that it accepted',
    async (signal) => {
      const server = await startServer({ LOG_LEVEL: 'debug' }, folder);
      const statuses: number[] = [];
      const failures: string[] = [];
      let stop = false;
      const clients = Array.from({ length: 16 }, async () => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        while (!stop) {
          try {
            statuses.push((await getThrough(agent, `${server.url}/docs-json`)).status);
          } catch (error) {
            failures.push((error as NodeJS.ErrnoException).code ?? String(error));
            break;
          }
        }
        agent.destroy();
      });
      // Waits until the load runs. How soon depends on the machine.
      await eventually('a hundred answers', () => statuses.length > 100);
      const ending = server.end(signal);
      // A terminal that is closed sends more than one.
      if (signal === 'SIGHUP') server.child.kill(signal);
      const code = await ending;
      stop = true;
      await Promise.all(clients);
      expect(code).toBe(0);
      expect(new Set(statuses)).toEqual(new Set([200]));
      // Each client stopped at a refused connection, not within a request.
      expect(new Set(failures)).toEqual(new Set(['ECONNREFUSED']));
      const lines = server
        .output()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { event: string });
      expect(lines.at(-1)?.event).toBe('stopped');
      expect(lines.filter(({ event }) => event === 'request').length).toBe(statuses.length);
    },
  );

  it.each([
    ['a port that is in use', {}, 'the port is in use. Stop the process that listens there, or choose another PORT.'],
    [
      'an address that is not of this machine',
      { HOST: '192.0.2.1' },
      'this machine has no such address. Correct HOST; 0.0.0.0 stands for all IPv4 addresses.',
    ],
  ])('says in one sentence that it cannot listen on %s, and ends with 1', async (_, env, sentence) => {
    const occupied = createServer().listen(0, '127.0.0.1');
    await once(occupied, 'listening');
    const { port } = occupied.address() as AddressInfo;
    const running = await startProcess(process.execPath, [builtProgram('main')], {
      cwd: REPOSITORY,
      env: {
        PATH: process.env['PATH'],
        TESSERA_DATA_DIR: join(folder, 'occupied'),
        LOG_LEVEL: 'warn',
        PORT: String(port),
        ...env,
      },
      ready: () => true,
    });
    const code = await running.ended;
    occupied.close();
    expect(running.output()).toBe(
      `The server cannot listen on ${'HOST' in env ? env.HOST : '127.0.0.1'}:${port}: ${sentence}\n`,
    );
    expect(code).toBe(1);
  });

  it('prints all validation errors of its configuration without a value, and exits with 1', async () => {
    const canary = 'c4nary';
    const attempt = startServer({ LOG_LEVEL: canary, VAULT_TOKEN: ` ${canary}`, TESSERA_NOTHING: canary }, folder);
    const message = await attempt.then(
      () => 'it started',
      (error: unknown) => String(error),
    );
    for (const name of ['LOG_LEVEL must be', 'VAULT_TOKEN must be', 'TESSERA_NOTHING is not a setting'])
      expect(message).toContain(name);
    expect(message).not.toContain(canary);
  });
});

describe('.env of the server process', () => {
  it.each([
    ['reads it after a byte order mark', '\uFEFFLOG_LEVEL=c4nary\n', 'LOG_LEVEL must be one of'],
    [
      'refuses it in UTF-16',
      Buffer.from('\uFEFFDATABASE_URL=c4nary\n', 'utf16le'),
      '.env, line 1: it is not text in UTF-8',
    ],
    [
      'refuses a line that is not an assignment',
      'PORT=1\nDATABASE_URL: c4nary\n',
      '.env, line 2: it is not an assignment',
    ],
  ])('%s', async (_, content, sentence) => {
    const cwd = await mkdtemp(join(folder, 'env-'));
    await writeFile(join(cwd, '.env'), content);
    const message = await startServer({}, cwd).then(
      () => 'it started',
      (error: unknown) => String(error),
    );
    expect(message).toContain(sentence);
    expect(message).not.toContain('c4nary');
    expect(existsSync(join(cwd, 'data'))).toBe(false);
  });
});

interface Got {
  readonly status: number;
  readonly connection: string | undefined;
  readonly body: string;
}

function getThrough(agent: Agent, url: string): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent }, (response) => {
      const chunks: string[] = [];
      response.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, connection: response.headers.connection, body: chunks.join('') });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}
