import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decodeJwt } from 'jose';
import { providerKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import { type HostileProvider, sendJson, startHostileProvider } from '../../../src/testing/hostile-provider.ts';
import { type RunningOidcProvider, startOidcProvider } from '../../../src/testing/oidc-provider.ts';
import { certificateAuthority } from '../../../src/testing/self-signed-certificate.ts';
import { builtProgram } from '../../support/tessera/built-program.ts';
import { tenantsWithTrusts, trustOf } from '../../support/tessera/exchange-service.ts';
import { type ForwardMode, type ForwardProxy, startForwardProxy } from '../../support/servers/forward-proxy.ts';
import { type ServerProcess, startServer } from '../../support/tessera/server-process.ts';
import { type Applied, TestInstallation } from '../cli/installation.ts';

/** Providers behind the forward proxy of a company, with certificates of its own authority. Nothing here resolves `idp.lab.example`: the proxy does. */
const HOST = 'idp.lab.example';
const UNKNOWN_AUTHORITY =
  'its certificate is of an unknown authority: name the file of the authority in NODE_EXTRA_CA_CERTS and start again';
const authority = certificateAuthority('Lab');
const KEY = providerKey('k1');
const run = promisify(execFile);

let provider: HostileProvider;
let certified: RunningOidcProvider;
let proxy: ForwardProxy;
let issuer: string;
let installation: TestInstallation;
let secrets: Applied['secrets'];
let authorityFile: string;
beforeAll(async () => {
  provider = await startHostileProvider({ tls: authority.issue(HOST) });
  provider.keys = [KEY.jwk];
  issuer = `https://${HOST}:${provider.port}`;
  provider.onDiscovery = (_request, response) => {
    sendJson(response, { issuer, jwks_uri: `${issuer}/keys` });
  };
  certified = await startOidcProvider({
    clientId: 'tessera-acme',
    accounts: [{ sub: '7', email: 'grace@acme.example', email_verified: true, hd: 'acme.example' }],
    algorithm: 'PS256',
    tls: { host: HOST, ...authority.issue(HOST) },
  });
  proxy = await startForwardProxy({ names: [HOST], user: 'tessera:pass word' });
  installation = await TestInstallation.make();
  authorityFile = await installation.write('authority.pem', authority.cert);
  ({ secrets } = await installation.applied(
    tenantsWithTrusts(trustOf('corp', issuer) + trustOf('real', certified.issuer, { algorithms: '[PS256]' })),
  ));
});
beforeEach(() => {
  proxy.setMode('forward');
  proxy.requests.length = 0;
  proxy.authorizations.length = 0;
});
afterAll(async () => {
  await proxy.close();
  await provider.close();
  await certified.close();
  await installation.remove();
});

const proxyUrl = (user = 'tessera:pass%20word@') => `http://${user}127.0.0.1:${proxy.port}`;

/** As a process: Node reads NODE_EXTRA_CA_CERTS once, at its start. */
async function check(env: Readonly<Record<string, string>>): Promise<{ code: number; output: string }> {
  const options = {
    cwd: installation.folder,
    env: { PATH: process.env['PATH'], TESSERA_DATA_DIR: 'data', ...env },
  };
  const args = [builtProgram('cli'), 'issuers', 'check', 'acme', 'corp'];
  const { code, stdout, stderr } = await run(process.execPath, args, options).then(
    (result) => ({ code: 0, ...result }),
    (error: unknown) => error as { code: number; stdout: string; stderr: string },
  );
  return { code, output: stdout + stderr };
}

describe('a server behind a forward proxy', () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServer(
      {
        TESSERA_DATA_DIR: join(installation.folder, 'data'),
        HTTPS_PROXY: proxyUrl(),
        NODE_EXTRA_CA_CERTS: authorityFile,
      },
      installation.folder,
    );
  });
  afterAll(() => server.end());

  const post = async (path: string, body: object, authorization?: string) => {
    const response = await fetch(`${server.url}/auth/user/${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(authorization === undefined ? {} : { authorization: `Bearer ${authorization}` }),
      },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  const bearerOf = async () => {
    const { body } = await post('generateToken', {
      tenant_id: 'acme',
      project_id: 'shop',
      client_id: 'web',
      email_id: 'ada@acme.example',
      secret_id: secrets.find(({ tenant_id, client_id }) => tenant_id === 'acme' && client_id === 'web')!.secret_id,
    });
    return body['access_token'] as string;
  };

  it('exchanges a login at a certified provider that only the proxy can reach', async () => {
    const { idToken } = await certified.logIn('7');
    expect(decodeJwt(idToken).iss).toBe(certified.issuer);
    const answer = await post('oidcToken', { oidc_token: idToken }, await bearerOf());
    expect(answer).toMatchObject({ status: 200 });
    expect(decodeJwt(answer.body['access_token'] as string)).toMatchObject({ sub: 'u-grace', idp: certified.issuer });
    expect(proxy.requests).toEqual(Array(2).fill(certified.issuer.slice('https://'.length)));
  });

  it('exchanges a token of a provider that only the proxy can reach, by TLS with the provider itself', async () => {
    const bearer = await bearerOf();
    const now = Math.floor(Date.now() / 1000);
    const subject = { email: 'grace@acme.example', email_verified: true, hd: 'acme.example' };
    const claims = { iss: issuer, sub: '1', aud: 'tessera-acme', iat: now, exp: now + 300, ...subject };
    const oidc_token = writeSubjectToken({ key: KEY, claims });
    const answer = await post('oidcToken', { oidc_token }, bearer);
    expect(answer).toMatchObject({ status: 200 });
    expect(decodeJwt(answer.body['access_token'] as string)).toMatchObject({ sub: 'u-grace', idp: issuer });
    expect(proxy.requests).toEqual(Array(2).fill(`${HOST}:${provider.port}`));
    expect(proxy.authorizations).toEqual(Array(2).fill(`Basic ${btoa('tessera:pass word')}`));
    expect(provider.requests).toEqual(['/.well-known/openid-configuration', '/keys']);
    // The proxy sees neither paths nor keys.
    expect(proxy.seen().toString('latin1')).not.toMatch(/openid-configuration|jwks_uri|\/keys/);
    expect(server.output()).not.toMatch(/pass(?: |%20)word/);
  });
});

describe('tessera issuers check behind a forward proxy', () => {
  it.each<[string, () => Record<string, string>]>([
    ['HTTPS_PROXY', () => ({ HTTPS_PROXY: proxyUrl() })],
    ['https_proxy, which comes first', () => ({ HTTPS_PROXY: 'http://127.0.0.1:1', https_proxy: proxyUrl() })],
    ['an address without its scheme', () => ({ HTTPS_PROXY: proxyUrl().replace('http://', '') })],
    [
      'NO_PROXY with other hosts',
      () => ({ HTTPS_PROXY: proxyUrl(), NO_PROXY: 'lab.example:1,xlab.example,10.0.0.0/8' }),
    ],
  ])('works by %s', async (_name, env) => {
    const { code, output } = await check({ NODE_EXTRA_CA_CERTS: authorityFile, ...env() });
    expect([code, output]).toEqual([0, expect.stringContaining('key k1: ec')]);
    expect(proxy.requests).toHaveLength(2);
  });

  it('fails without the authority, and names the variable', async () => {
    const { code, output } = await check({ HTTPS_PROXY: proxyUrl() });
    expect([code, output]).toEqual([1, expect.stringContaining(`refused: discovery: ${UNKNOWN_AUTHORITY}`)]);
  });

  it('fails for the wrong name, although it is the proxy that connects', async () => {
    const stranger = await startHostileProvider({ tls: authority.issue('other.lab.example') });
    const moved = await TestInstallation.make();
    await moved.applied(tenantsWithTrusts(trustOf('corp', `https://${HOST}:${stranger.port}`)));
    const { output } = await check({
      TESSERA_DATA_DIR: moved.dataDirectory,
      HTTPS_PROXY: proxyUrl(),
      NODE_EXTRA_CA_CERTS: authorityFile,
    });
    expect(output).toContain('refused: discovery: its certificate is for another name');
    expect(stranger.requests).toEqual([]);
    await stranger.close();
    await moved.remove();
  });
});

describe('without the authority of the provider, in this process', () => {
  const checkHere = async (env: Readonly<Record<string, string>>): Promise<string> => {
    const here = await TestInstallation.make({ TESSERA_DATA_DIR: installation.dataDirectory, ...env });
    const { code, stdout, stderr } = await here.run(['issuers', 'check', 'acme', 'corp']);
    await here.remove();
    expect(code).toBe(1);
    expect(stdout + stderr).not.toMatch(/pass(?: |%20)word/);
    return /refused: discovery: (.*)/.exec(stdout)?.[1] ?? stdout;
  };

  it.each<[string, () => Record<string, string>]>([
    ['no proxy', () => ({})],
    ['an empty variable', () => ({ HTTPS_PROXY: '' })],
    ['the host in NO_PROXY', () => ({ HTTPS_PROXY: proxyUrl(), NO_PROXY: HOST })],
    ['the host in no_proxy, which comes first', () => ({ HTTPS_PROXY: proxyUrl(), NO_PROXY: 'x', no_proxy: HOST })],
    ['its domain in NO_PROXY', () => ({ HTTPS_PROXY: proxyUrl(), NO_PROXY: 'x.example, .lab.example' })],
    ['its domain with a star', () => ({ HTTPS_PROXY: proxyUrl(), NO_PROXY: '*.LAB.example' })],
    ['its port in NO_PROXY', () => ({ HTTPS_PROXY: proxyUrl(), NO_PROXY: `${HOST}:${provider.port}` })],
    ['a star', () => ({ HTTPS_PROXY: proxyUrl(), NO_PROXY: '*' })],
  ])('a host is looked up here with %s', async (_name, env) => {
    expect(await checkHere(env())).toBe('its name does not resolve');
    expect(proxy.requests).toEqual([]);
  });

  it.each<[string, ForwardMode, string]>([
    ['refuses', 403, 'the proxy of HTTPS_PROXY refuses a connection to the host'],
    ['asks for a user', 407, 'the proxy of HTTPS_PROXY refuses its user and password, or needs them'],
    ['cannot reach the host', 502, 'the proxy of HTTPS_PROXY does not reach the host'],
    ['waits for the host in vain', 504, 'the proxy of HTTPS_PROXY does not reach the host'],
    ['redirects', 302, 'the proxy of HTTPS_PROXY refuses a connection to the host'],
    ['never answers', 'silent', 'no answer in time'],
    ['breaks off', 'break', 'no usable answer'],
  ])('a proxy that %s is named as that', async (_name, mode, reason) => {
    proxy.setMode(mode);
    expect(await checkHere({ HTTPS_PROXY: proxyUrl() })).toBe(reason);
  });

  it.each<[string, () => string, string]>([
    [
      'is given no password',
      () => proxyUrl(''),
      'the proxy of HTTPS_PROXY refuses its user and password, or needs them',
    ],
    [
      'is given a wrong one',
      () => proxyUrl('tessera:x@'),
      'the proxy of HTTPS_PROXY refuses its user and password, or needs them',
    ],
    ['is down', () => 'http://127.0.0.1:1', 'the proxy of HTTPS_PROXY: it refuses the connection'],
    ['does not resolve', () => 'http://proxy.invalid:3128', 'the proxy of HTTPS_PROXY: its name does not resolve'],
    [
      'speaks no TLS',
      () => proxyUrl().replace('http:', 'https:'),
      'the proxy of HTTPS_PROXY: it makes no TLS connection',
    ],
  ])('a proxy that %s is named as that', async (_name, url, reason) => {
    expect(await checkHere({ HTTPS_PROXY: url() })).toBe(reason);
  });

  it('a URL that may not be fetched is not asked of the proxy either', async () => {
    const lax = await TestInstallation.make({ TESSERA_FEDERATION_ALLOWED_HOSTS: '127.0.0.1:443' });
    await lax.applied(tenantsWithTrusts(trustOf('corp', 'https://127.0.0.1')));
    expect(await checkHere({ TESSERA_DATA_DIR: lax.dataDirectory, HTTPS_PROXY: proxyUrl() })).toBe(
      'its URL may not be fetched',
    );
    expect(proxy.requests).toEqual([]);
    await lax.remove();
  });
});

it('a proxy that is reached by TLS must have a trusted certificate', async () => {
  const secure = await startForwardProxy({ names: [HOST], tls: authority.issue('localhost') });
  const url = `https://localhost:${secure.port}`;
  expect((await check({ HTTPS_PROXY: url })).output).toContain(`the proxy of HTTPS_PROXY: ${UNKNOWN_AUTHORITY}`);
  expect(secure.requests).toEqual([]);
  expect(await check({ HTTPS_PROXY: url, NODE_EXTRA_CA_CERTS: authorityFile })).toMatchObject({ code: 0 });
  expect(secure.requests).toHaveLength(2);
  await secure.close();
});
