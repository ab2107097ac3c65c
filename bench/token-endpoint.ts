import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../test/support/servers/process.ts';
import { startBaseline } from './harness/baseline.ts';
import { CONNECTIONS, type PostLoad, runLoad, untilAnswered } from './harness/load.ts';
import type { PinnedProcess } from './harness/pinned-process.ts';
import { type Section, targetMark } from './harness/report.ts';
import { cellsOf, failuresOf, MEASURED, type MeasuredContender, measureInTurns, ratioOf } from './harness/rounds.ts';
import { Tessera } from './harness/tessera.ts';
import { BASELINE_SECRET, SAMPLE } from './sample/sample-request.ts';
import { tenantsFile } from './sample/tenants-file.ts';

const ROUNDS = 9;
const WARM_UP_SECONDS = 3;
/** Different subject tokens in turn, as from so many callers. */
const SUBJECT_TOKENS = 64;
/** The service that tokens are exchanged for. */
const TARGET_AUDIENCE = 'stock-api';
const TOKEN = `/tenants/${SAMPLE.tenant}/token`;
const FORM = 'application/x-www-form-urlencoded';
const SCOPE = SAMPLE.scopes.join(' ');

interface Contender extends MeasuredContender {
  readonly load: PostLoad;
}

const GENERATED = 'Tessera, user generateToken';
const PROVIDER = 'oidc-provider 9, client_credentials, JWT';
const CREDENTIALS = 'Tessera, client_credentials';
const BARE = 'bare Fastify, a form, one ES256 verified, one made';
const EXCHANGED = 'Tessera, token exchange';

const RATIOS = [
  { of: CREDENTIALS, to: GENERATED, target: 1 },
  { of: CREDENTIALS, to: PROVIDER, target: 3 },
  { of: EXCHANGED, to: BARE, target: 0.6 },
] as const;

/** The grants of the standard token endpoint, as a stock OAuth client requests them. One server of Tessera answers all of its loads. */
export async function tokenEndpoint(folder: string, seconds: number): Promise<Section> {
  const contenders: Contender[] = [];
  const add = (name: string, process: PinnedProcess, load: PostLoad) =>
    contenders.push({ name, process, load, results: [] });
  try {
    const tessera = await startTessera(join(folder, 'tessera'));
    add(GENERATED, tessera.process, tessera.generateToken);
    await untilAnswered(tessera.process, tessera.generateToken);
    const exchangeBodies = await exchangeBodiesOf(tessera.generateToken);
    const form = { ...tessera.generateToken, url: tessera.url, contentType: FORM };
    const credentials = { ...form, authorization: basic(tessera.secret), bodies: [credentialsBody()] };
    add(CREDENTIALS, tessera.process, credentials);
    add(EXCHANGED, tessera.process, { ...credentials, bodies: exchangeBodies });
    const provider = await startProvider(join(folder, 'provider'));
    add(PROVIDER, provider.process, provider.load);
    const bare = await startBare(join(folder, 'bare'), await publicJwkOf(tessera.url));
    add(BARE, bare.process, { ...credentials, url: bare.url, bodies: exchangeBodies });
    for (const { process, load } of contenders) {
      await untilAnswered(process, load);
      await runLoad(folder, process, load, WARM_UP_SECONDS);
    }
    await measureInTurns(contenders, ROUNDS, ({ process, load }) => runLoad(folder, process, load, seconds));
    return report(contenders, seconds);
  } finally {
    await Promise.all(contenders.map(({ process }) => process.end()));
  }
}

async function startTessera(folder: string) {
  const tessera = await Tessera.in(folder);
  const client = {
    service: { roles: SAMPLE.roles },
    exchange: [{ to: TARGET_AUDIENCE, scopes: 'subset' }],
  };
  const users = [{ id: SAMPLE.userId, email: SAMPLE.email }];
  await tessera.apply(tenantsFile([{ id: SAMPLE.tenant, database: { driver: 'sqlite' }, users, client }]));
  return {
    process: await tessera.start(),
    generateToken: tessera.load([tessera.body(SAMPLE.tenant, SAMPLE.email)]),
    url: tessera.load([], TOKEN).url,
    secret: tessera.secretOf(SAMPLE.tenant),
  };
}

async function startProvider(folder: string) {
  await mkdir(folder);
  const port = await freePort();
  const load: PostLoad = {
    url: `http://127.0.0.1:${port}/token`,
    contentType: FORM,
    authorization: basic(BASELINE_SECRET),
    // It makes a JWT only for a resource.
    bodies: [credentialsBody({ resource: 'https://shop.example' })],
  };
  return { process: await startBaseline(folder, 'oidc-provider.ts', [String(port), 'client_secret_basic']), load };
}

async function startBare(folder: string, publicJwk: object) {
  await mkdir(folder);
  const port = await freePort();
  const key = join(folder, 'key.json');
  await writeFile(key, JSON.stringify(publicJwk));
  return {
    url: `http://127.0.0.1:${port}${TOKEN}`,
    process: await startBaseline(folder, 'bare-token-exchange.ts', [String(port), key]),
  };
}

function credentialsBody(more: Readonly<Record<string, string>> = {}): string {
  return new URLSearchParams({ grant_type: 'client_credentials', scope: SCOPE, ...more }).toString();
}

/** Neither the id nor the secret has a character that has to be encoded (RFC 6749, section 2.3.1). */
function basic(secret: string): string {
  return `Basic ${Buffer.from(`${SAMPLE.client}:${secret}`).toString('base64')}`;
}

/** Requests that exchange tokens which were just issued. They outlive the benchmark. */
async function exchangeBodiesOf({ url, contentType, bodies }: PostLoad): Promise<string[]> {
  const exchanges: string[] = [];
  for (let index = 0; index < SUBJECT_TOKENS; index++) {
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': contentType }, body: bodies[0]! });
    const { access_token } = (await answer.json()) as { access_token: string };
    const form = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: access_token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: TARGET_AUDIENCE,
    });
    exchanges.push(form.toString());
  }
  return exchanges;
}

async function publicJwkOf(tokenUrl: string): Promise<object> {
  const keySet = await fetch(new URL('jwks.json', tokenUrl));
  const { keys } = (await keySet.json()) as { keys: readonly object[] };
  const [key] = keys;
  if (key === undefined) throw new Error('the tenant has no key');
  return key;
}

function report(contenders: readonly Contender[], seconds: number): Section {
  const failed = contenders.some(({ results }) => failuresOf(results) > 0);
  const ratios = RATIOS.map(({ of, to, target }) => ({ of, to, target, ...ratioOf(contenders, of, to) }));
  return {
    title: 'Token endpoint',
    text:
      `The standard token endpoint, warm, on embedded stores; the client sends its secret in the \`Authorization\` header. ` +
      `${SUBJECT_TOKENS} subject tokens in turn: each request verifies one, because none is cached. Each server on one core, the load ` +
      `from the other; ${CONNECTIONS} connections, ${ROUNDS} alternating rounds of ${seconds} s, medians. One server of Tessera answers ` +
      `its three loads. Its audit and access log are on.`,
    tables: [
      {
        head: ['contender', ...MEASURED, 'MiB'],
        rows: contenders.map(({ name, process, results }) => [
          name,
          ...cellsOf(results),
          String(process.residentMiB()),
        ]),
      },
      {
        head: ['of', 'to', 'ratio', 'target', 'met'],
        rows: ratios.map(({ of, to, value, text, target }) => [
          of,
          to,
          text,
          `≥ ${target}`,
          targetMark(value >= target && !failed),
        ]),
      },
    ],
  };
}
