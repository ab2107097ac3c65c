import { once } from 'node:events';
import { builtProgram } from '../../support/tessera/built-program.ts';
import { startProcess } from '../../support/servers/process.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** `tessera audit --follow` beside a running server. */
let tessera: TestTesseraServer;
beforeAll(async () => {
  tessera = await startTessera();
});
afterAll(() => tessera.close());

async function refused(email: string): Promise<string> {
  const body = { tenant_id: 'acme', project_id: 'shop', client_id: 'web', email_id: email };
  return (await tessera.post('/auth/user/generateToken', { ...body, secret_id: tessera.secret('acme/shop/web') }))
    .requestId;
}

it('shows each new record once, and ends with Ctrl-C', async () => {
  const first = await refused('bob@acme.example');
  const args = ['audit', '--tenant', 'acme', '--outcome', 'unauthorized', '--follow', '-o', 'json'];
  const follower = await startProcess(process.execPath, [builtProgram('cli'), ...args], {
    env: {
      PATH: process.env['PATH'],
      TESSERA_DATA_DIR: tessera.config.dataDirectory,
      PUBLIC_URL: 'http://localhost:3000',
    },
    ready: (running) => running.output().includes(first),
  });
  const shown = async (...ids: string[]) => {
    while (!ids.every((id) => follower.output().includes(id))) await once(follower.child.stdout!, 'data');
  };
  const later = [await refused('bob@acme.example'), await refused('hank@acme.example')];
  await shown(...later);
  // By the look at the store that finds this one, an earlier record could have been shown again.
  const last = await refused('nemo@acme.example');
  await shown(last);
  await follower.end('SIGINT');
  expect(follower.child.signalCode).toBe('SIGINT');
  const lines = follower.output().trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { request_id: string }).request_id)).toEqual([first, ...later, last]);
});
