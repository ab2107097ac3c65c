import { execFileSync } from 'node:child_process';
import { createPrivateKey, type JsonWebKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';
import { providerKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import { codeBlocks } from '../../support/fixtures/markdown.ts';
import {
  blocksOf,
  clientOf,
  formOf,
  HEADINGS,
  PAGE,
  type SetUp,
  tenantsFile,
} from '../../support/fixtures/token-endpoint-page.ts';
import type { Claims } from '../../support/fixtures/provider-shapes/provider-shape.ts';
import { WORKLOADS } from '../../support/fixtures/provider-shapes/workloads.ts';
import type { Answer } from '../../support/requests/answer.ts';
import { basic } from '../../support/requests/basic-credentials.ts';
import { claimsOf, oauthRefusal, TokenEndpointUser, tokenOf } from '../../support/requests/token-endpoint.ts';
import { type ExchangeService, startExchangeService } from '../../support/tessera/exchange-service.ts';

/** The set-ups of docs/token-endpoint.md as they are written there: each file is applied, and each command's form is sent to the real endpoint. */
const KEY = providerKey('rsa', 'RS256');
const ISSUER_OF_THE_PAGE = 'https://tokens.example.com/tenants/acme';

let service: ExchangeService;
/** Made by the command of the page. */
let clientKey: JsonWebKey & { readonly kid: string };
beforeAll(async () => {
  service = await startExchangeService();
  service.provider.keys = [KEY.jwk];
  const { printed, written } = runKeyCommand();
  clientKey = written;
  for (const setUp of Object.keys(HEADINGS) as SetUp[]) {
    const file = tenantsFile(setUp, service.provider.jwksUri);
    // As a reader does: the printed line in place of the one of the page.
    await service.tessera.apply(file.includes('kty') ? replaceOnce(file, /\{[^{}]*\bkty\b[^}]*\}/, printed) : file);
  }
  await service.tessera.caughtUp();
});
afterAll(() => service.close());

function runKeyCommand() {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-key-'));
  try {
    const printed = execFileSync('sh', ['-c', blocksOf('keyed', 'sh')[0]!], { cwd: folder, encoding: 'utf8' }).trim();
    return { printed, written: JSON.parse(readFileSync(join(folder, 'billing.jwk'), 'utf8')) as typeof clientKey };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const nowSeconds = () => Math.floor(service.tessera.clock.nowMs() / 1000);

/** Sends the form of a command, with values in place of its variables and of files. */
function send(setUp: SetUp, command: string, values: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const client = clientOf(command);
  const credentials = client === '' ? {} : basic(client, service.tessera.secret(`${setUp}/${client}`));
  return service.tessera.postForm(`/tenants/${setUp}/token`, { ...formOf(command), ...values }, credentials);
}

let assertions = 0;

/** An assertion that the client of the page has signed with its key. */
function clientAssertion(setUp: SetUp, claims: Claims, changes: Claims = {}): string {
  const { kid } = clientKey;
  const privateKey = createPrivateKey({ key: clientKey, format: 'jwk' });
  const own = {
    aud: `${service.tessera.url}/tenants/${setUp}`,
    exp: nowSeconds() + 60,
    jti: `of the page ${++assertions}`,
  };
  return writeSubjectToken({
    key: { kid, algorithm: 'ES256', privateKey, jwk: clientKey },
    claims: { ...claims, ...own, ...changes },
  });
}

/** A workload's token in the shape of its platform, for the audience of the page. */
function workloadToken(name: string, changes: Claims = {}): string {
  const shape = WORKLOADS[name];
  if (shape === undefined) throw new Error(`there is no workload ${name}`);
  const iat = nowSeconds() - 10;
  const times = { iat, exp: iat + shape.lifetimeSeconds, nbf: iat + (shape.notBeforeSeconds ?? 0) };
  const claims = { ...times, ...shape.claims, aud: ISSUER_OF_THE_PAGE, ...changes };
  return writeSubjectToken({ key: KEY, header: shape.header, claims });
}

function expectRefusedAssertion(answer: Answer, reason: string): void {
  expect(oauthRefusal(answer)).toBe('401 invalid_client');
  expect(service.tessera.auditReason(answer.requestId)).toBe(`the client assertion is refused: ${reason}`);
}

const ofWorkload = (claim: string) => `it does not meet the condition of the workload on "${claim}"`;
const ofIssuer = (claim: string) => `it does not meet the condition on "${claim}"`;
const shown = (setUp: SetUp) => JSON.parse(blocksOf(setUp, 'json')[0]!) as Record<string, unknown>;

it('shows no YAML and no JSON that this suite does not read', () => {
  const read = (Object.keys(HEADINGS) as SetUp[]).flatMap((setUp) =>
    ['yaml', 'json'].flatMap((language) => blocksOf(setUp, language)),
  );
  const all = codeBlocks(PAGE).flatMap(({ language, code }) => (/^(?:ya?ml|json)$/.test(language) ? [code] : []));
  expect(read.sort()).toEqual(all.sort());
  for (const code of all) expect(() => parse(code) as unknown).not.toThrow();
});

describe('the first token', () => {
  it('is what the page says', async () => {
    const answer = await send('first', blocksOf('first', 'sh')[0]!);
    expect(claimsOf(answer)).toMatchObject(shown('first'));
  });

  it('is refused as the page says', async () => {
    const [command = ''] = blocksOf('first', 'sh');
    expect(oauthRefusal(await send('first', command, { scope: 'orders:write' }))).toBe('400 invalid_scope');
    expect(oauthRefusal(await send('first', command, { audience: 'orders-api' }))).toBe('400 invalid_target');
  });
});

describe('a Kubernetes pod', () => {
  const [command = ''] = blocksOf('pod', 'sh');
  const get = (changes: Claims = {}) =>
    send('pod', command, { client_assertion: workloadToken('a Kubernetes token', changes) });

  it('gets a token with the token of its service account, again and again until that one ends', async () => {
    const assertion = workloadToken('a Kubernetes token');
    for (const answer of [
      await send('pod', command, { client_assertion: assertion }),
      await send('pod', command, { client_assertion: assertion }),
    ]) {
      expect(claimsOf(answer)).toMatchObject({
        sub: 'client:shop/importer',
        aud: 'orders-api',
        surface: 'service',
        scope: 'orders:write',
      });
      // A kubelet's token of 10 minutes, 10 seconds old.
      expect(answer.body['expires_in']).toBeLessThanOrEqual(590);
    }
  });

  it.each<[string, Claims, string]>([
    ['of another service account', { sub: 'system:serviceaccount:orders:exporter' }, ofWorkload('sub')],
    [
      'of another namespace',
      {
        sub: 'system:serviceaccount:staging:importer',
        'kubernetes.io': { namespace: 'staging', serviceaccount: { name: 'importer', uid: 'x' } },
      },
      ofIssuer('/kubernetes.io/namespace'),
    ],
    [
      'of a service account that was made again',
      { 'kubernetes.io': { namespace: 'orders', serviceaccount: { name: 'importer', uid: 'another' } } },
      ofWorkload('/kubernetes.io/serviceaccount/uid'),
    ],
    ['for the audience of the cluster', { aud: ['https://kubernetes.default.svc'] }, 'it is for another audience'],
  ])('gets none with a token %s', async (_, changes, reason) => {
    expectRefusedAssertion(await get(changes), reason);
  });

  it('gets none with an old token, or one that lives too long', async () => {
    const iat = nowSeconds() - 3_700;
    expect(oauthRefusal(await get({ iat, nbf: iat, exp: iat + 3_600 }))).toBe('401 invalid_client');
    expect(oauthRefusal(await get({ exp: nowSeconds() + 3_601 }))).toBe('401 invalid_client');
  });

  it('has no secret', () => {
    expect(() => service.tessera.secret('pod/shop/importer')).toThrow('no secret was shown');
  });

  it('mounts a token of the audience and the service account that the tenants file has', () => {
    const [file = '', spec = ''] = blocksOf('pod', 'yaml');
    const tenants = parse(file) as { tenants: [PodTenant] };
    const pod = parse(spec) as { metadata: { namespace: string }; spec: PodSpec };
    const [{ issuers, projects }] = tenants.tenants;
    const { path, audience } = pod.spec.volumes[0].projected.sources[0].serviceAccountToken;
    expect(issuers[0].audiences).toEqual([audience]);
    expect(projects[0].clients[0].workload).toMatchObject({
      conditions: { sub: `system:serviceaccount:${pod.metadata.namespace}:${pod.spec.serviceAccountName}` },
    });
    expect(command).toContain(`client_assertion@${pod.spec.containers[0].volumeMounts[0].mountPath}/${path}`);
  });
});

interface PodTenant {
  readonly issuers: [{ audiences: string[] }];
  readonly projects: [{ clients: [{ workload: object }] }];
}

interface PodSpec {
  readonly serviceAccountName: string;
  readonly containers: [{ volumeMounts: [{ mountPath: string }] }];
  readonly volumes: [{ projected: { sources: [{ serviceAccountToken: { path: string; audience: string } }] } }];
}

describe('a GitHub Actions job', () => {
  const workflow = blocksOf('job', 'yaml')[1]!;
  const { jobs, permissions } = parse(workflow) as {
    jobs: { deploy: { environment: string; steps: [{ run: string }] } };
    permissions: object;
  };
  const command = jobs.deploy.steps[0].run;
  const get = (changes: Claims = {}, name = 'a GitHub Actions token with names in sub') =>
    send('job', command, { client_assertion: workloadToken(name, changes) });

  it.each(['a GitHub Actions token with names in sub', 'a GitHub Actions token with ids in sub'])(
    'gets a token with %s',
    async (name) => {
      expect(claimsOf(await get({}, name))).toMatchObject({
        sub: 'client:shop/deploy',
        scope: 'deployments:write',
        surface: 'service',
      });
    },
  );

  it.each<[string, Claims, string]>([
    ['of a repository that took the name', { repository_id: '990000001' }, ofWorkload('repository_id')],
    ['of another owner', { repository_owner_id: '77000001' }, ofIssuer('repository_owner_id')],
    ['of another branch', { ref: 'refs/heads/patch-1' }, ofWorkload('ref')],
    ['of another environment', { environment: 'staging' }, ofWorkload('environment')],
    ['of a pull request', { event_name: 'pull_request' }, ofWorkload('event_name')],
    ['of another job of the repository', { sub: 'repo:acme/orders:ref:refs/heads/main' }, ofWorkload('sub')],
    ['for another service', { aud: 'https://github.com/acme' }, 'it is for another audience'],
  ])('gets none with a token %s', async (_, changes, reason) => {
    expectRefusedAssertion(await get(changes), reason);
  });

  it('gets none with a token that is older than five minutes', async () => {
    const iat = nowSeconds() - 400;
    expect(oauthRefusal(await get({ iat, nbf: iat, exp: nowSeconds() + 100 }))).toBe('401 invalid_client');
  });

  it('asks for the audience of the tenants file, with the permission that it needs', () => {
    const [{ issuers }] = (parse(blocksOf('job', 'yaml')[0]!) as { tenants: [{ issuers: [{ audiences: string[] }] }] })
      .tenants;
    expect(issuers[0].audiences).toEqual([/&audience=([^"]+)"/.exec(command)?.[1]]);
    expect(permissions).toMatchObject({ 'id-token': 'write' });
    expect(jobs.deploy.environment).toBe('production');
  });
});

describe('a service that calls on behalf of a user', () => {
  const [command = ''] = blocksOf('chain', 'sh');
  let user: TokenEndpointUser;
  let adas: string;
  beforeAll(async () => {
    user = new TokenEndpointUser(service.tessera, 'chain');
    adas = await user.userToken('ada@acme.example');
  });
  const toStock = () => send('chain', command, { subject_token: adas });

  it('gets a token for the next service, which gets one for the one after', async () => {
    const forStock = tokenOf(await toStock());
    const forLedger = claimsOf(await user.exchange('shop/stock', forStock, { audience: 'ledger-api' }));
    expect(forLedger).toMatchObject(shown('chain'));
    expect(forLedger['root']).toBe(claimsIn(adas)['jti']);
    expect(forLedger.exp).toBeLessThanOrEqual(claimsIn(adas)['exp'] as number);
  });

  it.each<[string, string, Record<string, string>, string]>([
    ['the front end', 'shop/web', { audience: 'stock-api' }, '400 unauthorized_client'],
    ['a service for another target', 'shop/orders', { audience: 'ledger-api' }, '400 invalid_target'],
    [
      'a service for a scope beyond its bound',
      'shop/orders',
      { audience: 'stock-api', scope: 'ledger:write' },
      '400 invalid_scope',
    ],
    ['a service that it was not sent to', 'shop/stock', { audience: 'ledger-api' }, '400 invalid_grant'],
  ])('is refused to %s', async (_, client, parameters, refusal) => {
    expect(oauthRefusal(await user.exchange(client, adas, parameters))).toBe(refusal);
  });

  it('is refused for a token of another tenant', async () => {
    const others = await new TokenEndpointUser(service.tessera, 'agent').userToken('ada@acme.example');
    expect(oauthRefusal(await user.exchange('shop/orders', others, { audience: 'stock-api' }))).toBe(
      '400 invalid_grant',
    );
  });
});

describe('an agent', () => {
  const [exchange = '', revoke = ''] = blocksOf('agent', 'sh');
  const user = () => new TokenEndpointUser(service.tessera, 'agent');
  const assertion = () => clientAssertion('agent', { iss: 'shop/agent', sub: 'shop/agent' });
  /** As the agent does for a task. */
  const exchanged = (subjectToken: string, values: Readonly<Record<string, string>> = {}) =>
    send('agent', exchange, { subject_token: subjectToken, client_assertion: assertion(), ...values });
  const introspected = async (token: string) =>
    (await service.tessera.postForm('/tenants/agent/introspect', { token }, user().header('shop/web'))).body['active'];

  it('gets a token of one scope for two minutes, with all roles of the user', async () => {
    const adas = await user().userToken('ada@acme.example');
    const answer = await exchanged(adas);
    expect(answer.body['expires_in']).toBe(120);
    expect(claimsOf(answer)).toMatchObject(shown('agent'));
  });

  it('gets no token for a user by generateToken', async () => {
    expect(() => service.tessera.secret('agent/shop/agent')).toThrow('no secret was shown');
    const answer = await service.tessera.post('/auth/user/generateToken', {
      tenant_id: 'agent',
      project_id: 'shop',
      client_id: 'agent',
      email_id: 'ada@acme.example',
    });
    expect(answer.refusal()).toMatchObject({ status: 401, error: 'unauthorized' });
    expect(service.tessera.auditReason(answer.requestId)).toBe(
      'the client has no secret: it authenticates by assertions',
    );
  });

  it('is refused what the page says', async () => {
    const adas = await user().userToken('ada@acme.example');
    const attempt = async (values: Record<string, string>) => oauthRefusal(await exchanged(adas, values));
    expect(await attempt({ scope: 'orders:write' })).toBe('400 invalid_scope');
    expect(await attempt({ audience: 'stock-api' })).toBe('400 invalid_target');
    const own = tokenOf(await exchanged(adas));
    expect(await attempt({ subject_token: own })).toBe('400 invalid_grant');
  });

  it('ends with the token that it was started with', async () => {
    const adas = await user().userToken('ada@acme.example');
    const token = tokenOf(await exchanged(adas));
    expect(await introspected(token)).toBe(true);
    expect(clientOf(revoke.replace('$WEB_SECRET', ''))).toBe('shop/web');
    const revoked = await service.tessera.postForm('/tenants/agent/revoke', { token: adas }, user().header('shop/web'));
    expect(revoked.status).toBe(200);
    expect(await introspected(token)).toBe(false);
    expect(oauthRefusal(await exchanged(adas))).toBe('400 invalid_grant');
  });

  it('takes all others of its root with it when its own token is revoked, but not the root', async () => {
    const adas = await user().userToken('ada@acme.example');
    const [one, other] = [tokenOf(await exchanged(adas)), tokenOf(await exchanged(adas))];
    const revoked = await service.tessera.postForm('/tenants/agent/revoke', {
      token: one,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion(),
    });
    expect(revoked.status).toBe(200);
    expect([await introspected(one), await introspected(other), await introspected(adas)]).toEqual([
      false,
      false,
      true,
    ]);
    service.tessera.clock.advanceSeconds(6);
    expect(tokenOf(await exchanged(adas))).toBeTruthy();
  });
});

describe('a client with a key', () => {
  const assertion = (changes: Claims = {}) => clientAssertion('keyed', shown('keyed'), changes);
  const get = (token: string) =>
    service.tessera.postForm('/tenants/keyed/token', {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: token,
    });

  it('gets a token with the claims of the page', async () => {
    expect(shown('keyed')['aud']).toBe(ISSUER_OF_THE_PAGE);
    expect(claimsOf(await get(assertion()))).toMatchObject({ sub: 'client:shop/billing', scope: 'orders:read' });
  });

  it('gets none for another audience, a long life, or the same assertion again', async () => {
    const issuer = `${service.tessera.url}/tenants/keyed`;
    const audience = 'its aud is not the issuer of this tenant, as one text';
    expectRefusedAssertion(await get(assertion({ aud: `${issuer}/token` })), audience);
    expectRefusedAssertion(await get(assertion({ aud: [issuer] })), audience);
    const long = 'its exp is more than 5 minutes ahead';
    expectRefusedAssertion(await get(assertion({ exp: nowSeconds() + 3_600 })), long);
    const once = assertion();
    expect((await get(once)).status).toBe(200);
    expectRefusedAssertion(await get(once), 'it was used before');
  });
});

function claimsIn(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>;
}
