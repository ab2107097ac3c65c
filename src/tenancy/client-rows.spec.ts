import type { ClientEntity } from '../control-plane/entities/client.entity.ts';
import type { RowOf } from '../database/schema.ts';
import { tenantDraft } from '../testing/storage.ts';
import { clientFromRow, rowFromClient } from './client-rows.ts';

const { tenant } = tenantDraft('acme');
const [project] = [...tenant.projects.values()];
const [client] = [...project!.clients.values()];
const row = (tokenEndpoint: unknown, changes: Partial<RowOf<ClientEntity>> = {}): RowOf<ClientEntity> => ({
  ...rowFromClient(tenant.id, project!.id, client!),
  tokenEndpoint: tokenEndpoint === null ? null : JSON.stringify(tokenEndpoint),
  ...changes,
});

it('is as earlier versions wrote it for a client that uses nothing of the token endpoint', () => {
  expect(rowFromClient(tenant.id, project!.id, client!).tokenEndpoint).toBeNull();
  expect(clientFromRow(row(null))).toEqual(client);
});

it.each<[string, unknown]>([
  ['a member of a later version', { narrowed: true }],
  ['an exchange rule with such a member', { exchange: [{ to: 'a', scopes: 'subset', until: 1 }] }],
  ['an exchange rule with another word', { exchange: [{ to: 'a', scopes: 'all' }] }],
  ['a service with such a member', { service: { roles: [], networks: [] } }],
  ['a workload with such a member', { workload: { issuer: 'k8s', conditions: [['sub', ['a']]], nodes: [] } }],
  ['a workload without conditions', { workload: { issuer: 'k8s', conditions: 'none' } }],
  ['a list that is a text', { audiences: 'a' }],
  ['null', { receives: null }],
  ['a key with a member that is not text', { keys: [{ kid: 1 }] }],
  ['a list', []],
])('is not read with %s: it may be what bounds the client', (_, stored) => {
  expect(() => clientFromRow(row(stored))).toThrow('a row is malformed');
});

it('is not read if it has no secret and a policy that says otherwise', () => {
  const policy = JSON.stringify({ kind: 'secretless', networks: ['10.0.0.0/8'] });
  expect(() => clientFromRow(row({ hasNoSecret: true }, { policy }))).toThrow('a row is malformed');
  expect(clientFromRow(row({ hasNoSecret: true })).policy).toEqual({ kind: 'assertion' });
});

it('is not read with a surface that no client can be opened to', () => {
  expect(() => clientFromRow(row(null, { surfaces: '["user","service"]' }))).toThrow('a row is malformed');
});
