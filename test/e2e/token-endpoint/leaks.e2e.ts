import Database from 'better-sqlite3';
import { readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Canaries } from '../../support/fixtures/canaries.ts';
import { basic } from '../../support/requests/basic-credentials.ts';
import { GRANTS, type Parameters } from '../../support/requests/token-endpoint.ts';
import { type ExchangeService, startExchangeService } from '../../support/tessera/exchange-service.ts';

/** Whatever a request of the token endpoint holds is a canary. None may be in a log line, a refusal, a metric, an audit row or a file. */
let service: ExchangeService;
let canaries: Canaries;
beforeEach(async () => {
  canaries = new Canaries();
  service = await startExchangeService();
  canaries.add('a client secret', secret());
});
afterEach(() => service.close());

const secret = () => service.tessera.secret('acme/shop/web');
const file = (...path: string[]) => join(service.tessera.config.dataDirectory, ...path);

async function ask(parameters: Parameters, password = secret()): Promise<void> {
  for (const name of ['subject_token', 'actor_token', 'assertion', 'client_assertion', 'scope', 'audience'] as const)
    if (parameters[name] !== undefined) plantParts(`a part of ${name}`, parameters[name]);
  const byForm = parameters['client_assertion'] !== undefined;
  const headers = byForm ? {} : basic('shop/web', password);
  const { text, body, headers: answered } = await service.tessera.postForm('/tenants/acme/token', parameters, headers);
  const token = body['access_token'];
  if (typeof token === 'string') plantParts('a part of a token', token);
  else canaries.search('a refusal', text + JSON.stringify([...answered]));
}

/** Every token of a service has the same header, and its short parts are in other texts by chance. */
function plantParts(what: string, text: string): void {
  for (const part of text.split('.').slice(text.includes('.') ? 1 : 0)) if (part.length > 12) canaries.add(what, part);
}

async function exercise(): Promise<void> {
  const wrong = canaries.once('a wrong secret', (canary) => canary);
  const [jwt, other] = [service.subjectToken({ note: canaries.plant('a claim') }), await service.bearer()];
  const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
  const asked: readonly Parameters[] = [
    { grant_type: GRANTS.clientCredentials },
    { grant_type: GRANTS.clientCredentials, scope: canaries.plant('a scope'), audience: canaries.plant('an audience') },
    {
      grant_type: GRANTS.tokenExchange,
      subject_token: other,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    },
    {
      grant_type: GRANTS.tokenExchange,
      subject_token: jwt,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    },
    { grant_type: GRANTS.jwtBearer, assertion: jwt },
    { grant_type: GRANTS.jwtBearer, assertion: jwt },
    { grant_type: GRANTS.jwtBearer, assertion: other },
    { grant_type: GRANTS.jwtBearer, assertion: canaries.plant('no token at all') },
    { grant_type: GRANTS.clientCredentials, client_id: 'shop/web', client_assertion_type: type, client_assertion: jwt },
    { grant_type: canaries.plant('a grant type') },
    { grant_type: GRANTS.clientCredentials, [canaries.plant('a name')]: canaries.plant('a value') },
  ];
  for (const parameters of asked) {
    await ask(parameters);
    await ask(parameters, wrong);
  }
}

it.each<[string, () => () => void]>([
  ['nothing broken', () => () => undefined],
  ['the vault without its key', () => hide(file('vault.key'))],
  ['the identity provider without its keys', () => withoutKeys()],
  ['the directory without its roles', () => withoutTable(file('tenants', 'acme.sqlite'), 'tessera_roles')],
  ['the records of redeemed tokens without their table', () => withoutTable(file('control.sqlite'), 'spent_tokens')],
])('nothing leaks with %s', async (_, begin) => {
  await exercise();
  const end = begin();
  try {
    service.tessera.clock.advanceSeconds(120);
    await exercise();
  } finally {
    end();
  }
  canaries.search('the log', service.tessera.log());
  canaries.search('the metrics', (await service.tessera.get('/metrics')).text);
  const database = new Database(file('control.sqlite'), { readonly: true });
  const rows = database.prepare('SELECT * FROM audit_records').all();
  database.close();
  expect(rows.length).toBeGreaterThan(10);
  canaries.search('the audit', JSON.stringify(rows));
  for (const name of readdirSync(service.tessera.config.dataDirectory, { recursive: true, encoding: 'utf8' }))
    if (statSync(file(name)).isFile() && name !== 'vault.key')
      canaries.search(`the file ${name}`, readFileSync(file(name), 'latin1'));
  expect(canaries.count).toBeGreaterThan(20);
  expect(canaries.found).toEqual([]);
});

function hide(path: string): () => void {
  renameSync(path, `${path}.hidden`);
  return () => {
    renameSync(`${path}.hidden`, path);
  };
}

function withoutKeys(): () => void {
  const { keys } = service.provider;
  service.provider.keys = [];
  return () => {
    service.provider.keys = keys;
  };
}

function withoutTable(path: string, table: string): () => void {
  const rename = (from: string, to: string) => {
    const database = new Database(path);
    database.exec(`ALTER TABLE ${from} RENAME TO ${to}`);
    database.close();
  };
  rename(table, 'hidden');
  return () => {
    rename('hidden', table);
  };
}
