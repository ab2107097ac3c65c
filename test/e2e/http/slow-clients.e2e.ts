import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { type RunningEdge, startEdge } from '../../support/tessera/edge.ts';
import { openSocket, type RawAnswer, readAnswer } from '../../support/requests/raw-http.ts';
import { startStopwatch } from '../../../libs/token/test/stopwatch.ts';

/** The limit is ten seconds. The rest is for measuring. */
const CUT_AFTER_MS = 9_500;
const CUT_BEFORE_MS = 11_500;
/** Above the 20 s that a poller may wait, below a minute. */
const STALLED_AFTER_MS = 24_000;
const STALLED_BEFORE_MS = 55_000;

let edge: RunningEdge;
beforeAll(async () => {
  edge = await startEdge();
});
afterAll(() => edge.close());

interface Cut extends RawAnswer {
  /** Without pauses of the machine, for the upper limit. */
  readonly countedMs: number;
}

/** Sends the start, then one byte at a time while the server reads. */
async function trickle(start: string, drip: string): Promise<Cut> {
  const stopwatch = startStopwatch();
  const startedAt = performance.now();
  const socket = await openSocket(edge.port);
  const answer = readAnswer(socket, startedAt);
  socket.write(start);
  let over = false;
  let countedMs = 0;
  void answer.then(() => {
    over = true;
    countedMs = stopwatch.stop();
  });
  while (!over) {
    // If the server never cuts the connection, the test must fail instead of hanging.
    if (stopwatch.elapsedMs() > CUT_BEFORE_MS) socket.destroy();
    if (drip !== '' && socket.writable) socket.write(drip);
    await delay(400);
  }
  return { ...(await answer), countedMs };
}

const HEAD = 'POST /probe/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';

describe('slow clients', () => {
  it('are cut at ten seconds, in whatever they are slow, while others are served', async () => {
    const slow = {
      silent: trickle('', ''),
      headers: trickle('POST /probe/token HTTP/1.1\r\nHost: x\r\n', 'X-A: b\r\n'),
      halfLine: trickle('GET /heal', ''),
      body: trickle(`${HEAD}Content-Length: 1000\r\n\r\n`, ' '),
      chunks: trickle(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n \r\n'),
    };
    await delay(5_000);
    expect((await fetch(`${edge.url}/probe/token`, { method: 'POST' })).status).toBe(200);
    for (const answer of await Promise.all(Object.values(slow))) {
      expect(answer.ms).toBeGreaterThan(CUT_AFTER_MS);
      expect(answer.countedMs).toBeLessThan(CUT_BEFORE_MS);
      if (answer.text === '') continue;
      expect(answer.status).toBe(408);
      expect(JSON.parse(answer.body)).toMatchObject({ error: 'request_timeout', status: 408 });
    }
    const cut = edge.lines().filter((line) => line['outcome'] === 'request_timeout' || line['outcome'] === 'aborted');
    expect(cut.map((line) => line['route'])).toEqual(['POST /probe/token', 'POST /probe/token']);
    expect(edge.lines().filter((line) => line['outcome'] === 'server_error')).toEqual([]);
    const metrics = await (await fetch(`${edge.url}/metrics`)).text();
    expect(metrics).toMatch(/tessera_http_refused_connections_total\{reason="timeout"\} 5/);
  });

  it('are cut when they do not read the response, but not while they keep an idle connection', async () => {
    const idle = await openSocket(edge.port);
    const answers: Buffer[] = [];
    idle.on('data', (chunk: Buffer) => answers.push(chunk));
    idle.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');

    const startedAt = performance.now();
    const deaf = await openSocket(edge.port);
    deaf.on('error', () => undefined);
    deaf.pause();
    // Responses of 30 MB: more than the buffers of both ends hold.
    deaf.write('GET /docs-json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5_000));
    const isCut = () =>
      edge.lines().some((line) => line['route'] === 'GET /docs-json' && line['outcome'] === 'aborted');
    await eventually('the end of the connection', isCut, STALLED_BEFORE_MS);
    expect(performance.now() - startedAt).toBeGreaterThan(STALLED_AFTER_MS);
    deaf.destroy();

    idle.end('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(idle, 'close');
    expect(
      Buffer.concat(answers)
        .toString()
        .match(/HTTP\/1\.1 200 OK/g),
    ).toHaveLength(2);
  });
});
