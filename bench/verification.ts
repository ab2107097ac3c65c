import { createVerifier } from '@tessera/token';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { createPublicKey, verify } from 'node:crypto';
import { guardedRoute } from './guarded-route.ts';
import { figure, type Section, type Table, targetMark } from './harness/report.ts';
import { median } from './harness/median.ts';
import { ratiosOf } from './harness/rounds.ts';
import { SAMPLE } from './sample/sample-request.ts';
import { ISSUER, newSampleKey, newSampleToken } from './sample/sample-token.ts';

/** Many short rounds, so that other work of the machine affects all contenders alike. */
const ROUNDS = 15;
/** So many different tokens that no verifier can cache the last one. */
const TOKENS = 200;

type Verify = (token: string) => unknown;

/**
 * One token after the other in this process: what @tessera/token adds to the bare signature check and the bare JSON, compared with jose. Then what
 * the guard of @tessera/client adds to a route.
 */
export async function verification(folder: string, secondsEach: number): Promise<Section> {
  const perSecond = await verifyInProcess(secondsEach);
  return report(perSecond, await guardedRoute(folder, secondsEach));
}

interface Row {
  readonly name: string;
  /** Of each round. */
  readonly perSecond: readonly number[];
}

async function verifyInProcess(secondsEach: number): Promise<readonly Row[]> {
  const sampleKey = newSampleKey();
  const jwk = sampleKey.publicJwk;
  const tokens = Array.from({ length: TOKENS }, () => newSampleToken(sampleKey));
  const verifier = createVerifier({ issuers: [{ issuer: ISSUER, jwks: { keys: [jwk] } }], audience: SAMPLE.audience });
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const keys = createLocalJWKSet({ keys: [jwk] });
  const contenders: readonly (readonly [name: string, verify: Verify])[] = [
    ['bare node:crypto + JSON.parse', (token) => bareVerify(token, key)],
    ['@tessera/token', (token) => verifier.verify(token)],
    [
      'jose jwtVerify',
      (token) =>
        jwtVerify(token, keys, { issuer: ISSUER, audience: SAMPLE.audience, typ: 'at+jwt', algorithms: ['ES256'] }),
    ],
  ];
  const results = new Map(contenders.map(([name]) => [name, [] as number[]]));
  for (const [, run] of contenders) await perSecond(run, tokens, 1);
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, run] of contenders) results.get(name)!.push(await perSecond(run, tokens, secondsEach / ROUNDS));
  verifier.close();
  return contenders.map(([name]) => ({ name, perSecond: results.get(name)! }));
}

/** Checks only the signature: the upper limit. */
function bareVerify(token: string, key: ReturnType<typeof createPublicKey>): unknown {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const input = Buffer.from(`${header}.${payload}`);
  if (!verify('sha256', input, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')))
    throw new Error('the signature does not hold');
  JSON.parse(Buffer.from(header, 'base64url').toString());
  return JSON.parse(Buffer.from(payload, 'base64url').toString());
}

async function perSecond(run: Verify, tokens: readonly string[], seconds: number): Promise<number> {
  const startedAt = performance.now();
  let count = 0;
  while (performance.now() - startedAt < seconds * 1_000) {
    for (const token of tokens) await run(token);
    count += tokens.length;
  }
  return count / ((performance.now() - startedAt) / 1_000);
}

function report(rows: readonly Row[], routes: Table): Section {
  const [bare, ours, jose] = rows as readonly [Row, Row, Row];
  const toBare = ratiosOf(ours.perSecond, bare.perSecond);
  const toJose = ratiosOf(ours.perSecond, jose.perSecond);
  return {
    title: 'Verifying a token',
    text: `ES256, the claims of the sample, one token after the other on one core; ${ROUNDS} alternating rounds, medians. The bare check verifies the signature only.`,
    tables: [
      {
        head: ['verifier', 'tokens/s', 'to bare'],
        rows: rows.map((row) => [
          row.name,
          figure(row.perSecond, 0),
          figure(ratiosOf(row.perSecond, bare.perSecond), 2),
        ]),
      },
      {
        head: ['@tessera/token to', 'ratio', 'target', 'met'],
        rows: [
          ['bare node:crypto + JSON.parse', figure(toBare, 2), '≥ 0.9', targetMark(median(toBare) >= 0.9)],
          ['jose jwtVerify', figure(toJose, 2), '> 1', targetMark(median(toJose) > 1)],
        ],
      },
      routes,
    ],
  };
}
