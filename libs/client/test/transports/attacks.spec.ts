import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { ATTACK_TABLE, type AttackMaterial, goodToken, REVOKED_ROOT } from '../../../token/test/attack-table.ts';
import type { VerifiedToken } from '@tessera/token';
import { CALL_NAMES, startTransports, type TransportApplications } from './calls.ts';

const NOW = 1_800_000_000;
const ISSUER = 'https://tessera.example/tenants/acme';
const material = newMaterial();
let applications: TransportApplications;

beforeAll(async () => {
  const options = {
    issuers: [{ issuer: ISSUER, jwks: { keys: [material.publicJwk] } }],
    audience: 'shop-api',
    revocations: { source: { isRevoked: ({ root }: VerifiedToken) => root === REVOKED_ROOT } },
    nowSeconds: () => NOW,
  } as const;
  // Development settings of Apollo: not even a stack trace may show why a token was refused.
  applications = await startTransports(options, { includeStacktraceInErrorResponses: true });
});
afterAll(() => applications.close());

describe.each(CALL_NAMES)('%s', (name) => {
  it('refuses every row of the attack table in one way, and says no more', async () => {
    const { call, tokenIn } = applications.calls.find((candidate) => candidate.name === name)!;
    const good = goodToken(material);
    expect(await call(good)).toEqual({ result: 'u-ada' });
    const accepted: string[] = [];
    const refusals = new Set<string>();
    let tried = 0;
    for (const row of ATTACK_TABLE) {
      const token = row.make(material);
      // A header cannot carry other characters, and Node.js refuses a request with more than 16 KiB of headers.
      if (tokenIn === 'header' && !/^[\x21-\x7e]{1,12000}$/.test(token)) continue;
      tried++;
      const { result, refusal } = await call(token);
      if (refusal === undefined) accepted.push(`${row.name}: ${String(result)}`);
      else refusals.add(JSON.stringify(refusal));
    }
    expect(accepted).toEqual([]);
    expect(tried).toBeGreaterThan(ATTACK_TABLE.length * 0.9);
    expect(refusals.size).toBe(1);
    const [refusal = ''] = refusals;
    expect(refusal).toContain('"error":"invalid_token"');
    expect(refusal).not.toMatch(/TOKEN_|TokenError|signature|acme/i);
    expect(await call(good)).toEqual({ result: 'u-ada' });
  });
});

it('sends no stack frames, even if Apollo is configured to send them', async () => {
  const query = applications.calls.find(({ name }) => name === 'a query')!;
  expect(JSON.stringify(await query.call())).toContain('"stacktrace":["UnauthorizedException: Unauthorized"]');
});

function newMaterial(): AttackMaterial {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicJwk = createPublicKey(privateKey).export({ format: 'jwk' });
  return {
    privateKey,
    kid: 'acme-1',
    alg: 'ES256',
    publicJwk: { ...publicJwk, kid: 'acme-1', alg: 'ES256', use: 'sig' },
    nowSeconds: NOW,
    claims: {
      iss: ISSUER,
      sub: 'u-ada',
      aud: 'shop-api',
      client_id: 'web',
      iat: NOW - 10,
      exp: NOW + 600,
      jti: 'j-1',
      scope: 'orders:read',
      roles: [],
      groups: [],
      resources: [],
      tenant_id: 'acme',
      project_id: 'shop',
      email_id: 'ada@acme.example',
      surface: 'user',
    },
    other: {
      issuer: 'https://tessera.example/tenants/globex',
      tenantId: 'globex',
      kid: 'globex-1',
      privateKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    },
  };
}
