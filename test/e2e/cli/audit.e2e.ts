import Database from 'better-sqlite3';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';
import { TestInstallation } from './installation.ts';

/** `tessera audit`: what it finds by each filter, and that it reads the live database. */
let tessera: TestTesseraServer;
const requests = new Map<string, string>();
let tokenId: string;

type Json = Readonly<Record<string, unknown>>;

beforeAll(async () => {
  tessera = await startTessera();
  const good = { tenant_id: 'acme', project_id: 'shop', client_id: 'web', email_id: 'ada@acme.example' };
  const cases: [string, Json][] = [
    ['issued', {}],
    ['disabled', { email_id: 'bob@acme.example' }],
    ['unknown', { email_id: 'hank@acme.example' }],
    ['wrong secret', { secret_id: 'wrong' }],
    ['another client', { client_id: 'anything', secret_id: tessera.secret('acme/shop/anything') }],
    [
      'another tenant',
      { tenant_id: 'globex', email_id: 'hank@acme.example', secret_id: tessera.secret('globex/shop/web') },
    ],
  ];
  for (const [name, change] of cases) {
    const body = { ...good, secret_id: tessera.secret('acme/shop/web'), ...change };
    const { requestId } = await tessera.post('/auth/user/generateToken', body);
    requests.set(requestId, name);
  }
  tokenId = String(rowNamed('issued')['token_id']);
});
afterAll(() => tessera.close());

function rowNamed(name: string): Json {
  const [id] = [...requests].find(([, other]) => other === name)!;
  return tessera.auditRow(id);
}

async function records(...args: string[]): Promise<Json[]> {
  return (JSON.parse(await tessera.cli(['audit', '-o', 'json', ...args])) as { records: Json[] }).records;
}

const named = async (...args: string[]) =>
  (await records(...args)).flatMap((record) => requests.get(record['request_id'] as string) ?? []);

function settleIndices(state: 'in no index yet' | 'in their indices') {
  const database = new Database(join(tessera.config.dataDirectory, 'control.sqlite'));
  database
    .prepare(`UPDATE audit_records SET unindexed = ? WHERE token_id IS NOT NULL OR outcome <> 'changed'`)
    .run(state === 'in no index yet' ? 1 : null);
  database.close();
}

describe.each(['in no index yet', 'in their indices'] as const)('records that are %s', (state) => {
  beforeEach(() => {
    settleIndices(state);
  });

  it.each<[string, string[], string[]]>([
    ['no filter', [], [...'issued,disabled,unknown,wrong secret,another client,another tenant'.split(',')]],
    ['the tenant', ['--tenant', 'globex'], ['another tenant']],
    ['the id of a subject', ['--tenant', 'acme', '--subject', 'u-bob'], ['disabled']],
    ['the id of a subject in any tenant', ['--subject', 'u-bob'], ['disabled']],
    ['the address of a subject', ['--tenant', 'acme', '--subject', 'BOB@acme.example'], ['disabled']],
    ['an address that nobody has', ['--tenant', 'acme', '--subject', 'hank@acme.example'], ['unknown']],
    ['such an address in any tenant', ['--subject', 'hank@acme.example'], ['unknown', 'another tenant']],
    ['an address without a record', ['--tenant', 'acme', '--subject', 'nemo@acme.example'], []],
    ['the client', ['--tenant', 'acme', '--client', 'shop/anything'], ['another client']],
    ['the client with its tenant', ['--client', 'globex/shop/web'], ['another tenant']],
    ['the outcome', ['--tenant', 'acme', '--outcome', 'issued'], ['issued', 'another client']],
    [
      'the outcome in any tenant',
      ['--outcome', 'unauthorized'],
      ['disabled', 'unknown', 'wrong secret', 'another tenant'],
    ],
    ['several', ['--tenant', 'acme', '--subject', 'u-bob', '--outcome', 'issued'], []],
    ['the time', ['--since', '1h', '--until', '1m'], []],
    ['the newest', ['--outcome', 'unauthorized', '--limit', '1'], ['another tenant']],
  ])('are found by %s', async (_, args, expected) => {
    expect(await named(...args)).toEqual(expected);
  });

  it('are found by the ids of token and request', async () => {
    expect(await named('--token', tokenId)).toEqual(['issued']);
    expect(await named('--tenant', 'acme', '--token', tokenId)).toEqual(['issued']);
    expect(await named('--tenant', 'globex', '--token', tokenId)).toEqual([]);
    for (const [id, name] of requests) expect(await named('--request', id)).toEqual([name]);
  });
});

it('has times in ISO 8601 and no address', async () => {
  const [record] = await records('--tenant', 'acme', '--subject', 'u-bob', '--outcome', 'unauthorized');
  expect(record).toMatchObject({
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    outcome: 'unauthorized',
    reason: 'the subject is disabled',
    subject_id: 'u-bob',
  });
  const text = await tessera.cli(['audit', '--tenant', 'acme']);
  expect(text).toMatch(/^TIME +OUTCOME +CLIENT +SUBJECT /);
  expect(text).toMatch(
    /\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} +unauthorized +acme\/shop\/web +u-bob .*the subject is disabled\n/,
  );
  expect(text).not.toContain('@acme.example');
});

it('reads the database of a server itself, and changes nothing', async () => {
  const installation = await TestInstallation.make();
  await installation.applied('apiVersion: tessera/v1\ntenants: []\n');
  const before = await installation.fingerprint();
  expect((await installation.run(['audit', '-o', 'json'])).code).toBe(0);
  expect(await installation.fingerprint()).toEqual(before);
  expect(existsSync(join(installation.dataDirectory, 'control.sqlite-wal'))).toBe(false);
});

it.each([
  [['--since', 'yesterday'], 'Write how long ago'],
  [['--until', '2026-13-01'], 'Write how long ago'],
  [['--client', 'web'], 'project/client'],
  [['--client', "shop/we'b"], 'project/client'],
  [['--tenant', '../acme'], 'id of a tenant'],
  [['--tenant', 'acme', '--client', 'globex/shop/web'], 'two tenants'],
  [['--subject', 'a b'], 'visible ASCII'],
  [['--outcome', 'lost'], 'Allowed choices'],
  [['--limit', '0'], 'whole number'],
])('%j is wrong use', async (args, words) => {
  const installation = await TestInstallation.make();
  const { code, stderr } = await installation.run(['audit', ...args]);
  expect(code).toBe(2);
  expect(stderr).toContain(words);
});

it('says what to do without a control database', async () => {
  const installation = await TestInstallation.make();
  const { code, stderr } = await installation.run(['audit']);
  expect(code).toBe(1);
  expect(stderr).toContain('TESSERA_DATA_DIR');
});
