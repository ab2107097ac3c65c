import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, startProcess } from '../../support/servers/process.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';
import { builtProgram } from '../../support/tessera/built-program.ts';
import { firstToken } from '../../support/tessera/first-token.ts';
import { type ImageTree, layOutImage } from '../../support/tessera/image-tree.ts';

const run = promisify(execFile);

/** The files of the image, without the sources, their compiled modules and the packages of the tests. */
let folder: string;
let image: ImageTree;
let environment: Readonly<Record<string, string | undefined>>;
/** What `apply` printed, run as the Dockerfile says. */
let applied: string;
beforeAll(async () => {
  builtProgram('main');
  folder = mkdtempSync(join(tmpdir(), 'tessera-image-'));
  image = layOutImage(join(folder, 'image'));
  environment = {
    PATH: process.env['PATH'],
    HOME: folder,
    ...image.environment,
    HOST: '127.0.0.1',
    // Replaces itself by the server, so that the signal of `npm start` reaches it. A plain sh may end and leave it running.
    npm_config_script_shell: 'bash',
    npm_config_update_notifier: 'false',
    TESSERA_DATA_DIR: join(folder, 'data'),
  };
  const [program = ''] = image.command;
  const apply = ['dist/cli.js', 'apply', '-f', 'examples/acme.yaml', '--output', 'json'];
  applied = (await run(program, apply, { cwd: workingDirectory(), env: environment })).stdout;
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function workingDirectory(): string {
  return join(image.root, image.workingDirectory);
}

const [, unitCommand = ''] =
  /^ExecStart=\/usr\/bin\/(.*)$/m.exec(readFileSync(join(REPOSITORY, 'deploy/tessera.service'), 'utf8')) ?? [];

it('has neither sources nor packages of the tests', () => {
  for (const path of ['src', 'dist/modules', 'node_modules/jest', 'node_modules/esbuild'])
    expect([path, existsSync(join(workingDirectory(), path))]).toEqual([path, false]);
});

it.each([
  ['the image', () => image.command],
  ['npm start', () => ['npm', 'start']],
  ['the unit', () => unitCommand.split(' ')],
])('issues a token when it is started by %s', async (_, command) => {
  const [program = '', ...args] = command();
  const port = await freePort();
  const server = await startProcess(program, args, {
    cwd: workingDirectory(),
    env: { ...environment, PORT: String(port) },
    ready: (running) => running.output().includes('"event":"listening"'),
  });
  try {
    expect((await firstToken(`http://127.0.0.1:${port}`, applied)).split('.')).toHaveLength(3);
    expect((await fetch(`http://127.0.0.1:${port}/docs/swagger-ui.css`)).status).toBe(200);
  } finally {
    await server.end();
  }
});
