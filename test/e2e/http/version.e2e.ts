import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestInstallation } from '../cli/installation.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';
import { type ServerProcess, startServer } from '../../support/tessera/server-process.ts';

/** A report of an error is about a version: every place that an operator looks at says the same one. */
describe('the version', () => {
  let folder: string;
  let server: ServerProcess;
  let version: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tessera-version-'));
    server = await startServer({}, folder);
    ({ version } = JSON.parse(await readFile(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string });
  });
  afterAll(async () => {
    await server.end();
    await rm(folder, { recursive: true });
  });

  it('is in the first line of the log', () => {
    const [first = ''] = server.output().split('\n');
    expect(JSON.parse(first)).toMatchObject({
      level: 30,
      event: 'starting',
      version,
      nodejs_version: process.versions.node,
    });
  });

  it('is a metric', async () => {
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain(
      `\ntessera_build_info{version="${version}",nodejs_version="${process.versions.node}"} 1\n`,
    );
  });

  it('is in the description of the API', async () => {
    const { info } = (await (await fetch(`${server.url}/docs-json`)).json()) as { info: { version: string } };
    expect(info.version).toBe(version);
  });

  it.each(['--version', '-V'])('is what the command line prints for %s, and nothing else', async (flag) => {
    const installation = await TestInstallation.make();
    try {
      expect(await installation.run([flag])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    } finally {
      await installation.remove();
    }
  });
});
