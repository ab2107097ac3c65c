import { tessera } from '../applications/application.ts';
import {
  CALL_NAMES,
  type CallOutcome,
  type GuardedCall,
  startTransports,
  type TransportApplications,
} from './calls.ts';

/** The table of the README, "In each transport": each kind of refusal by each kind of call, as it comes over the wire. */
const OUTAGE = 'u-outage';
const revoked = tessera.token({ scopes: ['orders:read'] });
tessera.revoke(revoked);

const REFUSALS = [
  { kind: 'no token', token: undefined, status: 401, error: 'token_missing' },
  {
    kind: 'a forged token',
    token: tessera.forgedToken({ scopes: ['orders:read'] }),
    status: 401,
    error: 'invalid_token',
  },
  { kind: 'a revoked token', token: revoked, status: 401, error: 'invalid_token' },
  { kind: 'a token without the scope', token: tessera.token(), status: 403, error: 'insufficient_scope' },
  {
    kind: 'a token that cannot be verified now',
    token: tessera.token({ scopes: ['orders:read'], subject: OUTAGE }),
    status: 503,
    error: 'temporarily_unavailable',
  },
] as const;

const TITLES = { 401: 'Unauthorized', 403: 'Forbidden', 503: 'Service Unavailable' } as const;
const GRAPHQL_CODES = { 401: 'UNAUTHENTICATED', 403: 'FORBIDDEN', 503: 'SERVICE_UNAVAILABLE' } as const;
const HEADERS = {
  token_missing: { 'www-authenticate': 'Bearer realm="shop-api"' },
  invalid_token: { 'www-authenticate': 'Bearer realm="shop-api", error="invalid_token"' },
  insufficient_scope: {
    'www-authenticate': 'Bearer realm="shop-api", error="insufficient_scope", scope="orders:read"',
  },
  temporarily_unavailable: { 'retry-after': '1' },
} as const;

type ExpectedRefusal = Pick<(typeof REFUSALS)[number], 'status' | 'error'>;

const FORMS: Readonly<Record<GuardedCall['transport'], (refusal: ExpectedRefusal) => unknown>> = {
  HTTP: ({ status, error }) => ({
    status,
    headers: { 'content-type': expect.stringContaining('application/problem+json'), ...HEADERS[error] },
    body: { type: 'about:blank', title: TITLES[status], status, error },
  }),
  GraphQL: ({ status, error }) => [{ message: TITLES[status], extensions: { code: GRAPHQL_CODES[status], error } }],
  WebSocket: ({ status, error }) => ({ event: 'exception', data: { status: 'error', message: TITLES[status], error } }),
  rpc: ({ status, error }) => ({ status: 'error', message: TITLES[status], error }),
};

let applications: TransportApplications;

beforeAll(async () => {
  applications = await startTransports({ revocations: { source: { isRevoked: revokedOrUnknown } } });
});
afterAll(() => applications.close());

function revokedOrUnknown(token: Parameters<NonNullable<typeof source>['isRevoked']>[0]): boolean {
  if (token.subject === OUTAGE) throw new Error('the list cannot be read');
  return source?.isRevoked(token) ?? true;
}
const { revocations } = tessera.clientOptions;
const source = typeof revocations === 'object' ? revocations.source : undefined;

function callNamed(name: (typeof CALL_NAMES)[number]): GuardedCall {
  const found = applications.calls.find((call) => call.name === name);
  if (found === undefined) throw new Error(`no call is named ${name}`);
  return found;
}

it('has a name for each call', () => {
  expect(applications.calls.map(({ name }) => name)).toEqual(CALL_NAMES);
});

describe.each(CALL_NAMES)('%s', (name) => {
  it('is answered with a good token', async () => {
    const token = tessera.token({ subject: 'u-ada', scopes: ['orders:read'] });
    expect(await callNamed(name).call(token)).toEqual({ result: 'u-ada' });
  });

  it.each(REFUSALS)('is refused in the form of its transport: $kind', async ({ token, status, error }) => {
    const { call, transport } = callNamed(name);
    const outcome: CallOutcome = await call(token);
    expect(outcome).toEqual({ refusal: FORMS[transport]({ status, error }) });
  });
});
