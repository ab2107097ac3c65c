import { mergeConflicts, mergeWithoutPrune } from './merge-without-prune.ts';
import { readTenantsFile } from '../file/read-tenants-file.ts';
import { diffControlPlane, diffDirectory } from './tenant-diff.ts';
import type { TenantSpec } from '../file/tenants-file.ts';

function tenant(body: string): TenantSpec {
  const text = `apiVersion: tessera/v1\ntenants:\n  - id: acme\n    database: { driver: sqlite }\n${body}`;
  const result = readTenantsFile(new TextEncoder().encode(text), {
    federationAllowedHosts: [],
    publicUrl: 'https://tokens.example.com',
  });
  if (!('file' in result)) throw new Error(JSON.stringify(result.errors));
  return result.file.tenants[0]!;
}

const issuer = (id: string, host: string, client: string): string =>
  `      - { id: ${id}, issuer: 'https://${host}', audiences: [a], conditions: none, subject: { match: linked }, clients: [${client}], surfaces: [user] }\n`;
const project = (id: string, client: string): string =>
  `      - { id: ${id}, clients: [{ id: ${client}, surfaces: [user], scopes: [], subjects: any }] }\n`;

describe('what the file leaves out', () => {
  const actual = tenant(`    projects:\n${project('shop', 'web')}    users: [{ id: u-ada, email: ada@a.example }]\n`);

  it('stays as it is, next to the file’s content', () => {
    const desired = tenant(
      `    projects:\n${project('shop', 'app')}    users: [{ id: u-bob, email: bob@a.example }]\n`,
    );
    const merged = mergeWithoutPrune(desired, actual);
    expect(mergeConflicts(merged)).toEqual([]);
    expect([...diffDirectory(actual, merged), ...diffControlPlane(actual, merged)]).toEqual([
      { action: 'create', kind: 'user', id: 'acme/u-bob' },
      { action: 'create', kind: 'client', id: 'acme/shop/app' },
    ]);
  });

  it('is removed with --prune', () => {
    const desired = tenant('');
    expect([...diffDirectory(actual, desired), ...diffControlPlane(actual, desired)]).toEqual([
      { action: 'remove', kind: 'user', id: 'acme/u-ada' },
      { action: 'remove', kind: 'client', id: 'acme/shop/web' },
      { action: 'remove', kind: 'project', id: 'acme/shop' },
    ]);
  });

  it.each([
    [
      'an e-mail address',
      'users: [{ id: u-a, email: A@a.example }]',
      'users: [{ id: u-b, email: a@a.example }]',
      /users "u-b" and "u-a" have the same e-mail/,
    ],
    [
      'an issuer’s URL',
      `projects:\n${project('p', 'c')}    issuers:\n${issuer('x', 'i.example', 'c')}`,
      `projects:\n${project('p', 'c')}    issuers:\n${issuer('y', 'i.example', 'c')}`,
      /issuers "y" and "x" have the same URL/,
    ],
    [
      'the name of a trusted client',
      `projects:\n${project('p', 'c')}`,
      `projects:\n${project('q', 'c')}    issuers:\n${issuer('y', 'i.example', 'c')}`,
      /issuer "y" names client "c", which several/,
    ],
  ])('conflicts if it has %s that the file has too', (_, before, after, message) => {
    const merged = mergeWithoutPrune(tenant(`    ${after}\n`), tenant(`    ${before}\n`));
    expect(mergeConflicts(merged)).toEqual([expect.stringMatching(message)]);
  });
});
