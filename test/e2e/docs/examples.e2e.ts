import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readTenantsFile } from '../../../src/provisioning/file/read-tenants-file.ts';
import { readPage } from '../../support/fixtures/markdown.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';
import { TestInstallation } from '../cli/installation.ts';

/** The examples that are tenants files. */
const examples = readdirSync(join(REPOSITORY, 'examples'), { recursive: true, encoding: 'utf8' }).filter(
  (name) =>
    name.endsWith('.yaml') &&
    !name.includes('node_modules') &&
    readPage(`examples/${name}`).includes('apiVersion: tessera/'),
);

describe('examples', () => {
  it.each(examples)('%s passes a dry run, which changes nothing', async (name) => {
    const installation = await TestInstallation.make();
    try {
      const result = await installation.run(['apply', '-f', join(REPOSITORY, 'examples', name), '--dry-run']);
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(result.stdout).toContain('this was a dry run');
      expect(await installation.fingerprint()).toBeUndefined();
    } finally {
      await installation.remove();
    }
  });

  it('deploy/tenants.yaml has no validation error', async () => {
    const installation = await TestInstallation.make();
    try {
      const result = readTenantsFile(Buffer.from(readPage('deploy/tenants.yaml')), installation.config());
      expect('errors' in result ? result.errors : []).toEqual([]);
    } finally {
      await installation.remove();
    }
  });
});
