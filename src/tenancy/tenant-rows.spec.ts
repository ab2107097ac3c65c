import { TesseraError } from '../errors/tessera-error.ts';
import { tenantDraft } from '../testing/storage.ts';
import { parseClientId, parseTrustId } from '../domain/ids.ts';
import type { Condition, Trust } from './tenant.ts';
import { rowsFromTenant, type StoredTenant, tenantFromRows } from './tenant-rows.ts';

const trust: Trust = {
  id: parseTrustId('idp')!,
  issuer: 'https://idp.example.com',
  jwksUri: undefined,
  audiences: ['shop'],
  algorithms: ['ES256'],
  keyUse: 'jwt-svid',
  types: ['at+jwt'],
  audienceClaim: undefined,
  azp: undefined,
  emailVerified: undefined,
  conditions: new Map([['hd', ['acme.example', 7, true]]]),
  subject: { match: 'email', domains: new Set(['acme.example']) },
  clients: [parseClientId('web')!],
  surfaces: ['user'],
  maxAgeSeconds: 300,
  maxLifetimeSeconds: 3_600,
};
const { tenant } = tenantDraft('acme', { trusts: [trust] });
const rows: StoredTenant = { ...rowsFromTenant(tenant, 1), administratorIds: ['a-root'] };

const narrowed: Trust = {
  ...trust,
  audienceClaim: 'client_id',
  azp: ['android'],
  emailVerified: 'text_allowed',
  conditions: new Map<string, Condition>([
    ['/realm_access/roles', ['admin', 7]],
    ['roles', { hasKey: 'admin' }],
    ['scope', { contains: 'orders.read' }],
  ]),
};
const rowsOf = (one: Trust): StoredTenant => ({
  ...rowsFromTenant(tenantDraft('acme', { trusts: [one] }).tenant, 1),
  administratorIds: [],
});

/** The rows with one column of each client, or of each trusted issuer, changed. */
function withColumn(table: 'clients' | 'trusts', column: string, value: unknown): StoredTenant {
  return {
    ...rows,
    [table]: rows[table].map((row) => {
      if (!Object.hasOwn(row, column)) throw new Error(`there is no column ${column}`);
      return { ...row, [column]: value };
    }),
  };
}

function refusal(changed: StoredTenant): TesseraError {
  try {
    tenantFromRows(changed);
  } catch (error) {
    if (error instanceof TesseraError) return error;
    throw error;
  }
  throw new Error('the rows were taken');
}

it('has rows of a client and of a trusted issuer to change', () => {
  expect(rows.clients.length).toBeGreaterThan(0);
  expect(rows.trusts.length).toBeGreaterThan(0);
  expect(tenantFromRows(rows)).toEqual({ ...tenant, version: 1, administratorIds: new Set(['a-root']) });
});

describe('a malformed JSON column', () => {
  it.each<[string, 'clients' | 'trusts', string, string]>([
    ['no JSON', 'clients', 'policy', '{'],
    ['nothing', 'clients', 'policy', ''],
    ['null', 'clients', 'policy', 'null'],
    ['an unknown policy', 'clients', 'policy', '{"kind":"open"}'],
    ['a policy without its kind', 'clients', 'policy', '{"networks":["10.0.0.0/8"]}'],
    ['a secretless policy without networks', 'clients', 'policy', '{"kind":"secretless"}'],
    ['a secretless policy with a text for its networks', 'clients', 'policy', '{"kind":"secretless","networks":"0/0"}'],
    ['a network that is none', 'clients', 'policy', '{"kind":"secretless","networks":["10.0.0.1/8"]}'],
    ['an unknown surface', 'clients', 'surfaces', '["user","root"]'],
    ['a surface without its list', 'clients', 'surfaces', '"admin"'],
    ['another word for all scopes', 'clients', 'scopes', '"all"'],
    ['a scope that is a number', 'clients', 'scopes', '["read",1]'],
    ['scopes that are an object', 'clients', 'scopes', '{"length":0}'],
    ['another word for all subjects', 'clients', 'subjects', '"all"'],
    ['subjects without domains', 'clients', 'subjects', '{}'],
    ['a domain that is null', 'clients', 'subjects', '{"domains":[null]}'],
    ['audiences that are a text', 'trusts', 'audiences', '"shop"'],
    ['an algorithm that is an object', 'trusts', 'algorithms', '[{}]'],
    ['another word for no conditions', 'trusts', 'conditions', '"any"'],
    ['conditions that are an object', 'trusts', 'conditions', '{"hd":["acme.example"]}'],
    ['a condition without values', 'trusts', 'conditions', '[["hd"]]'],
    ['a condition on a number', 'trusts', 'conditions', '[[1,["a"]]]'],
    ['a condition with an object among its values', 'trusts', 'conditions', '[["hd",[{}]]]'],
    ['an unknown way to a subject', 'trusts', 'subject', '{"match":"any"}'],
    ['a match by address without domains', 'trusts', 'subject', '{"match":"email"}'],
    [
      'a newer way to a subject that is unknown',
      'trusts',
      'subject',
      '{"match":"email","domains":[],"instead":{"match":"any"}}',
    ],
    [
      'a newer way to a subject that is a text',
      'trusts',
      'subject',
      '{"match":"email","domains":["a.example"],"instead":"user"}',
    ],
    ['a fixed subject without id', 'trusts', 'subject', '{"match":"email","domains":[],"instead":{"match":"user"}}'],
    [
      'a linked claim that is a number',
      'trusts',
      'subject',
      '{"match":"email","domains":[],"instead":{"match":"linked","claim":7}}',
    ],
    ['kinds of tokens that are a text', 'trusts', 'subject', '{"match":"linked","types":"jwt"}'],
    ['another word for text_allowed', 'trusts', 'subject', '{"match":"linked","emailVerified":"any"}'],
    ['a narrowing that is none', 'trusts', 'subject', '{"match":"linked","narrowed":true}'],
    ['a narrowing without conditions', 'trusts', 'subject', '{"match":"linked","narrowed":{"azp":["a"]}}'],
    ['an unknown narrowing', 'trusts', 'subject', '{"match":"linked","narrowed":{"conditions":"none","acr":["2"]}}'],
    ['an azp that is a text', 'trusts', 'subject', '{"match":"linked","narrowed":{"conditions":"none","azp":"a"}}'],
    ['an azp that is null', 'trusts', 'subject', '{"match":"linked","narrowed":{"conditions":"none","azp":null}}'],
    [
      'another claim for the audience',
      'trusts',
      'subject',
      '{"match":"linked","narrowed":{"conditions":"none","audienceClaim":"sub"}}',
    ],
    ...['{}', '{"contains":""}', '{"contains":1}', '{"hasKey":""}', '{"contains":"a","hasKey":"b"}'].map(
      (form): [string, 'trusts', string, string] => [
        `the condition ${form}`,
        'trusts',
        'subject',
        `{"match":"linked","narrowed":{"conditions":[["scope",${form}]]}}`,
      ],
    ),
    ['a purpose of keys that is none', 'trusts', 'subject', '{"match":"linked","keyUse":"enc"}'],
    ['a client id that is none', 'trusts', 'clients', '["Web App"]'],
    ['an unknown surface', 'trusts', 'surfaces', '["root"]'],
  ])('with %s in %s.%s is refused as that', (_, table, column, value) => {
    expect(refusal(withColumn(table, column, value))).toMatchObject({
      code: 'temporarily_unavailable',
      reason: `control database: a row is malformed: ${table}.${column}`,
    });
  });

  it('leaves what it held out of the error', () => {
    const { message, detail, reason } = refusal(withColumn('clients', 'policy', '{"kind":"MARKED"}'));
    expect(`${message}${detail}${reason}`).not.toContain('MARKED');
  });
});

it('takes members that a later version added, without them', () => {
  const changed = tenantFromRows(withColumn('clients', 'policy', '{"kind":"confidential","later":true}'));
  const [project] = changed.projects.values();
  const [client] = project!.clients.values();
  expect(client!.policy).toEqual({ kind: 'confidential' });
});

describe('what narrows a trusted issuer', () => {
  it.each<[string, Trust]>([
    ['all of it', narrowed],
    ['parties', { ...trust, azp: ['android'] }],
    ['parties without conditions', { ...trust, azp: ['android'], conditions: 'none' }],
    ['parties that are nobody', { ...trust, azp: [] }],
    ['the claim of the audience', { ...trust, audienceClaim: 'client_id' }],
    ['a word', { ...trust, conditions: new Map([['scope', { contains: 'a' }]]) }],
    ['a key', { ...trust, conditions: new Map([['roles', { hasKey: 'a' }]]) }],
  ])('is read as it was written, and is not ignored by an older server: %s', (_, one) => {
    const stored = rowsOf(one);
    expect(tenantFromRows(stored).trusts).toEqual([one]);
    // Which reads this column only, and accepts no token of a trust with an empty map of conditions.
    expect(stored.trusts[0]!.conditions).toBe('[]');
  });

  it.each<[string, Trust]>([
    ['a plain trust', trust],
    ['a path, which an older server takes for a name', { ...trust, conditions: new Map([['/a/b', ['c']]]) }],
    ['the text "true", which an older server refuses', { ...trust, emailVerified: 'text_allowed' }],
  ])('is not %s', (_, one) => {
    const stored = rowsOf(one);
    expect(tenantFromRows(stored).trusts).toEqual([one]);
    expect(stored.trusts[0]!.conditions).not.toBe('[]');
  });
});

it('takes a trusted issuer of before there were kinds of tokens', () => {
  const changed = tenantFromRows(withColumn('trusts', 'subject', '{"match":"linked"}'));
  expect(changed.trusts[0]).toMatchObject({ subject: { match: 'linked' }, keyUse: undefined, types: [] });
});

it.each(['Active', 'locked', ''])('lets nobody in by the status %j', (status) => {
  const changed = tenantFromRows({
    ...rows,
    tenant: { ...rows.tenant, status },
    projects: rows.projects.map((row) => ({ ...row, status })),
    clients: rows.clients.map((row) => ({ ...row, status })),
  });
  const [project] = changed.projects.values();
  const [client] = project!.clients.values();
  expect([changed.status, project!.status, client!.status]).toEqual(['suspended', 'disabled', 'disabled']);
});

it('refuses a tenant without the address of its database', () => {
  const changed = { ...rows, tenant: { ...rows.tenant, databaseDriver: 'mysql', databaseHost: null } };
  expect(refusal(changed).reason).toBe('control database: a row is malformed: tenants.database_driver');
});

describe('the kind of a directory', () => {
  const withDirectory = (directory: string | null) => ({ ...rows, tenant: { ...rows.tenant, directory } });

  it('is managed in a row of an earlier version', () => {
    expect(tenantFromRows(withDirectory(null)).directory).toBe('managed');
  });

  it('is refused when it is unknown', () => {
    expect(refusal(withDirectory('elsewhere')).reason).toBe('control database: a row is malformed: tenants.directory');
  });
});

it.each([{ match: 'linked', claim: 'oid' } as const, { match: 'user', id: 'u-deploy' } as const])(
  'a trust by %j is read as it was written, and refuses every token at a server of the version before',
  (subject) => {
    const { tenant: draft } = tenantDraft('acme', { trusts: [{ ...trust, subject }] });
    const stored = rowsFromTenant(draft, 1);
    expect(tenantFromRows({ ...stored, administratorIds: [] }).trusts).toEqual([{ ...trust, subject }]);
    // That version reads these members only: an issuer for addresses of no domain.
    expect(JSON.parse(stored.trusts[0]!.subject)).toMatchObject({ match: 'email', domains: [], types: ['at+jwt'] });
  },
);
