import { eventually } from '../../../libs/token/test/eventually.ts';
import { type ServerProcess, startServer } from '../../support/tessera/server-process.ts';
import { ACME, GLOBEX, tenantsFile } from './files.ts';
import { TestInstallation } from './installation.ts';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';

/** Commands during an attack: each request of the load writes an audit row, without a pause. */
describe('the command line beside a server that writes without a pause', () => {
  const ROUNDS = 3;
  const FILE = tenantsFile(ACME, GLOBEX);
  let installation: TestInstallation;
  let server: ServerProcess;
  let stop = false;
  let issued = 0;
  let load: Promise<unknown>;

  beforeAll(async () => {
    installation = await TestInstallation.make();
    const { secrets } = await installation.applied(FILE);
    const secretId = secrets.find(({ client_id }) => client_id === 'web')!.secret_id;
    server = await startServer(
      { TESSERA_DATA_DIR: installation.dataDirectory, LOG_LEVEL: 'info' },
      installation.folder,
    );
    const body = JSON.stringify({
      tenant_id: 'acme',
      project_id: 'shop',
      client_id: 'web',
      email_id: 'ada@acme.example',
      secret_id: secretId,
    });
    const ask = () =>
      fetch(`${server.url}/auth/user/generateToken`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
    load = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!stop) {
          const answer = await ask();
          await answer.text();
          if (answer.status === 200) issued += 1;
        }
      }),
    );
    await eventually('tokens are issued', () => issued > 200);
  });
  afterAll(async () => {
    stop = true;
    await load;
    await server.end();
    await installation.remove();
  });

  async function succeeds(args: readonly string[], stdin = ''): Promise<string> {
    const before = issued;
    const { code, stdout, stderr } = await installation.run(args, { stdin });
    expect([args.join(' '), code, stderr]).toEqual([args.join(' '), 0, '']);
    // The commands share this process with the load, so make sure that the load went on.
    await eventually('the load goes on', () => issued > before);
    return stdout;
  }

  it.each([
    ['revoke --client acme/shop/web'],
    ['revoke --jti acme/dc01fe08-2f83-4c99-80e5-bc22aa3230e5'],
    ['revoke --subject acme/u-ada --dry-run'],
    ['secrets list acme/shop/web'],
    ['keys list acme'],
    ['issuers list acme'],
    ['export'],
    ['migrate --dry-run'],
    ['purge --dry-run'],
  ])('%s succeeds each time', async (command) => {
    for (let round = 0; round < ROUNDS; round += 1) await succeeds(command.split(' '));
  });

  it('apply succeeds each time, as a dry run too', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const text = replaceOnce(FILE, 'Acme Ltd', `Acme ${round}`);
      await succeeds(['apply', '-f', '-', '--dry-run'], text);
      await succeeds(['apply', '-f', '-'], text);
    }
  });

  it('secrets and keys change each time', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const added = await succeeds(['secrets', 'add', 'globex/app/api', '--output', 'json']);
      const { id } = JSON.parse(added) as { id: string };
      await succeeds(['secrets', 'retire', 'globex/app/api', id]);
      await succeeds(['keys', 'rotate', 'globex']);
      const { keys } = JSON.parse(await succeeds(['keys', 'list', 'globex', '--output', 'json'])) as {
        keys: { kid: string; state: string }[];
      };
      await succeeds(['keys', 'revoke', 'globex', keys.find(({ state }) => state === 'next')!.kid]);
    }
  });
});
