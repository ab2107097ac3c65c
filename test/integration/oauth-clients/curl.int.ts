import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { LEDGER, type OAuthService, startOAuthService } from '../../support/oauth-clients/oauth-service.ts';
import { requireServer } from '../../support/servers/required-servers.ts';

/** The endpoint by hand: each command as a page would show it. */
let service: OAuthService;
beforeAll(async () => {
  requireServer('curl');
  service = await startOAuthService();
});
afterAll(() => service.close());

/** Runs a command in a shell, and returns the JSON that it prints. */
async function shell(
  command: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>> {
  const { issuer, clients } = service;
  const { stdout } = await promisify(execFile)('sh', ['-c', command], {
    env: {
      PATH: process.env['PATH'],
      ISSUER: issuer,
      BILLING_SECRET: clients.billing.secret,
      API_SECRET: clients.api.secret,
      WEB_SECRET: clients.web.secret,
      ...variables,
    },
    timeout: 240_000,
  });
  return JSON.parse(stdout) as Record<string, unknown>;
}

const claims = (answer: Record<string, unknown>) => service.claims(answer['access_token'] as string);

const CLIENT_CREDENTIALS =
  'curl -sS "$ISSUER/token" -u "shop/billing:$BILLING_SECRET" -d grant_type=client_credentials';

it('gets a service token', async () => {
  const answer = await shell(CLIENT_CREDENTIALS);
  expect(Object.keys(answer).sort()).toEqual(['access_token', 'expires_in', 'scope', 'token_type']);
  expect(answer).toMatchObject({ token_type: 'Bearer', expires_in: 900 });
  expect(await claims(answer)).toMatchObject({ sub: 'client:shop/billing', aud: 'billing-api', surface: 'service' });
});

it('names the client without its project, where one project has it', async () => {
  const answer = await shell(
    'curl -sS "$ISSUER/token" -d grant_type=client_credentials -d client_id=billing -d "client_secret=$BILLING_SECRET"',
  );
  expect(await claims(answer)).toMatchObject({ sub: 'client:shop/billing' });
});

it('narrows it to a scope and a resource', async () => {
  const answer = await shell(`${CLIENT_CREDENTIALS} -d scope=invoices:read -d resource=${LEDGER}`);
  expect(answer['scope']).toBe('invoices:read');
  expect(await claims(answer)).toMatchObject({ aud: LEDGER, scope: 'invoices:read' });
});

it('exchanges a token that the client received', async () => {
  const command = `curl -sS "$ISSUER/token" -u "shop/api:$API_SECRET" \\
    -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange \\
    -d "subject_token=$USER_TOKEN" -d subject_token_type=urn:ietf:params:oauth:token-type:access_token \\
    -d audience=stock-api`;
  const answer = await shell(command, { USER_TOKEN: await service.userToken() });
  expect(answer['issued_token_type']).toBe('urn:ietf:params:oauth:token-type:access_token');
  expect(await claims(answer)).toMatchObject({ sub: 'u-ada', aud: 'stock-api', act: { client_id: 'api' } });
});

it('gets a user token for an ID token', async () => {
  const command = `curl -sS "$ISSUER/token" -u "shop/web:$WEB_SECRET" \\
    -d grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer -d "assertion=$ID_TOKEN"`;
  expect(await claims(await shell(command, { ID_TOKEN: await service.idToken() }))).toMatchObject({ sub: 'u-grace' });
});

it('introspects and revokes a token', async () => {
  const TOKEN = (await shell(CLIENT_CREDENTIALS))['access_token'] as string;
  const introspect =
    'curl -sS "$ISSUER/introspect" -u "shop/billing:$BILLING_SECRET" -d surface=service -d "token=$TOKEN"';
  expect(await shell(introspect, { TOKEN })).toMatchObject({ active: true, sub: 'client:shop/billing' });
  const revoke =
    'curl -sS "$ISSUER/revoke" -u "shop/billing:$BILLING_SECRET" -d "token=$TOKEN" -o /dev/null -w "%{http_code}"';
  expect(await shell(revoke, { TOKEN })).toBe(200);
  expect(await shell(introspect, { TOKEN })).toEqual({ active: false });
});

it('gets an error in the form of RFC 6749', async () => {
  const answer = await shell(`${CLIENT_CREDENTIALS} -d scope=orders:write`);
  expect(Object.keys(answer).sort()).toEqual(['error', 'error_description', 'request_id']);
  expect(answer['error']).toBe('invalid_scope');
});
