import { Injectable, Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { VerificationKey, VerifiedToken } from '@tessera/token/core';
import type { AddressInfo } from 'node:net';
import { AdminJwtStrategy } from '../../../src/admin-auth/admin-jwt.strategy.ts';
import { AdminProfileController } from '../../../src/admin-auth/admin-profile.controller.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import type { Surface } from '../../../src/domain/surface.ts';
import { TesseraError, unavailable } from '../../../src/errors/tessera-error.ts';
import { createEdgeApp } from '../../../src/http/edge-app.ts';
import { BearerAuthenticator } from '../../../src/http/routes/bearer-authenticator.ts';
import { ROUTE_TABLE } from '../../../src/http/routes/route-table.ts';
import { MIN_LEAD_SECONDS } from '../../../src/keys/key-ring.ts';
import { rotate } from '../../../src/keys/key-ring.transitions.ts';
import { newSigningKey } from '../../../src/keys/new-signing-key.ts';
import { Log } from '../../../src/logging/log.ts';
import type { SigningAlgorithm, Tenant } from '../../../src/tenancy/tenant.ts';
import { claimsFor, type IssuingFixture, openIssuingFixture } from '../../../src/testing/issuing-fixture.ts';
import { UserJwtStrategy } from '../../../src/user-auth/user-jwt.strategy.ts';
import { UserProfileController } from '../../../src/user-auth/user-profile.controller.ts';
import { OwnBearerAuthenticator } from '../../../src/verification/own-bearer.authenticator.ts';
import { OwnTokenVerifier } from '../../../src/verification/own-tokens.ts';
import { SecondVerification } from '../../../src/verification/second-implementation/second-verification.ts';
import { ValidateController } from '../../../src/verification/validate.controller.ts';
import { ValidateJwtStrategy } from '../../../src/verification/second-implementation/validate-jwt.strategy.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { issuedToken } from '../../support/requests/attack-material.ts';
import { readAnswer } from '../../support/requests/answer.ts';
import { EDGE_ROUTES } from '../../support/tessera/edge.ts';
import { startTessera } from '../../support/tessera/tessera.ts';

const BEARER_ROUTES = ROUTE_TABLE.filter(({ access }) => access.startsWith('bearer-'));

/** The first verification, which a test can replace by one that is wrong. */
class FirstVerification extends BearerAuthenticator {
  readonly #strict: OwnBearerAuthenticator;
  wrong: VerifiedToken | undefined;

  constructor(tokens: OwnTokenVerifier) {
    super();
    this.#strict = new OwnBearerAuthenticator(tokens);
  }

  override authenticate(authorization: readonly string[], surface: Surface): Promise<VerifiedToken> {
    return this.wrong === undefined ? this.#strict.authenticate(authorization, surface) : Promise.resolve(this.wrong);
  }
}

/** Counts the look-ups of a key: one if jsonwebtoken has verified the token before, two if it verifies it now. */
class CountedVerification extends SecondVerification {
  asked = 0;
  /** Errors for the next look-ups, before the real key is returned. */
  readonly failures: (Error | undefined)[] = [];

  override async keyOf(caller: VerifiedToken): Promise<VerificationKey> {
    this.asked += 1;
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    return super.keyOf(caller);
  }
}

/** A strategy with a mistake that makes AuthGuard return true without a user. */
@Injectable()
class PassingStrategy extends UserJwtStrategy {
  override authenticate(): void {
    this.pass();
  }
}

let fixture: IssuingFixture;
let acme: Tenant;
let app: NestFastifyApplication;
let first: FirstVerification;
let second: CountedVerification;
let lines: string[];

/** The real controllers, guards and strategies of all bearer routes around the fixture's keys. */
async function start(userStrategy: typeof UserJwtStrategy = UserJwtStrategy): Promise<void> {
  first = new FirstVerification(fixture.ownTokens);
  second = new CountedVerification(fixture.ownTokens, fixture.clock, { caches: { tenants: 1 } });
  lines = [];
  @Module({
    controllers: [UserProfileController, AdminProfileController, ValidateController],
    providers: [
      { provide: UserJwtStrategy, useClass: userStrategy },
      AdminJwtStrategy,
      ValidateJwtStrategy,
      { provide: SecondVerification, useValue: second },
      { provide: BearerAuthenticator, useValue: first },
    ],
  })
  class BearerRoutesModule {}
  app = await createEdgeApp({
    config: loadConfig({ LOG_LEVEL: 'debug' }, { cwd: '/nonexistent' }),
    clock: fixture.clock,
    log: new Log('debug', { write: (line) => lines.push(line) }),
    routes: [...EDGE_ROUTES, ...BEARER_ROUTES],
    imports: [BearerRoutesModule],
  });
  await app.listen(0, '127.0.0.1');
}

async function ask(token: string, path = '/auth/user/profile', method = 'GET') {
  const { port } = app.getHttpServer().address() as AddressInfo;
  return readAnswer(
    await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(method === 'POST' && { 'content-type': 'application/json' }) },
      ...(method === 'POST' && { body: '{"scope":"orders:read","resource":"orders"}' }),
    }),
  );
}

/** Why the request was rejected, from its access line, which is written after the answer. */
async function reasonOf(requestId: string): Promise<unknown> {
  const find = () =>
    lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .find((line) => line['request_id'] === requestId && line['reason'] !== undefined);
  await eventually('the access line', () => find() !== undefined);
  return find()!['reason'];
}

const issue = async (tenant = acme, changes = {}) =>
  (await fixture.issuer.issue(tenant, { claims: claimsFor(tenant, fixture.clock.seconds, changes) })).token;

beforeEach(async () => {
  fixture = await openIssuingFixture();
  acme = await fixture.addTenant('acme');
  await start();
});
afterEach(async () => {
  await app.close();
  await fixture.close();
});

describe('a token that both implementations accept', () => {
  it.each<SigningAlgorithm>(['ES256', 'RS256'])('opens the route (%s)', async (algorithm) => {
    const globex = await fixture.addTenant('globex', algorithm);
    expect((await ask(await issue(globex))).status).toBe(200);
    expect(second.asked).toBe(2);
  });

  it('is verified by jsonwebtoken once, and again when the keys of the tenant have changed', async () => {
    const token = await issue(acme, { exp: fixture.clock.seconds + 86_400 });
    for (let request = 0; request < 3; request += 1) expect((await ask(token)).status).toBe(200);
    expect(second.asked).toBe(2 + 1 + 1);

    const nextKey = await newSigningKey('ES256');
    await fixture.store.update(acme.id, (ring) => rotate(ring, nextKey, fixture.clock.seconds, MIN_LEAD_SECONDS));
    fixture.tenants.invalidate(acme.id);
    await eventually(
      'the new ring is read',
      async () => (await fixture.keyRings.published(acme.id)).publishedKeys(fixture.clock.seconds).length === 2,
    );
    expect((await ask(token)).status).toBe(200);
    expect(second.asked).toBe(2 + 1 + 1 + 2);
  });

  it.each([
    ['expired 29 s ago', { exp: -29, iat: -600 }],
    ['is valid in 30 s', { iat: 30, nbf: 30 }],
  ])('opens the route within the skew, by the injected clock: %s', async (_name, times) => {
    const now = fixture.clock.seconds;
    const changes = Object.fromEntries(Object.entries(times).map(([name, seconds]) => [name, now + seconds]));
    const token = await issue(acme, changes);
    expect((await ask(token)).status).toBe(200);
    expect((await ask(token)).status).toBe(200);
  });

  it('is verified once only when its key is of EdDSA, which jsonwebtoken does not know', async () => {
    const globex = await fixture.addTenant('globex', 'EdDSA');
    expect((await ask(await issue(globex))).status).toBe(200);
    expect(second.asked).toBe(1);
  });
});

describe('a token that the first verification accepts by mistake', () => {
  it.each(BEARER_ROUTES.map((row) => [`${row.method} ${row.path}`, row] as const))(
    'opens nothing when jsonwebtoken reads other claims from it: %s',
    async (_name, { method, path }) => {
      const surface = path.includes('admin') ? 'admin' : 'user';
      const query = '?scope=orders:read&resource=orders';
      const token = await issue(acme, { surface, jti: 'j-1' });
      expect((await ask(token, path + query, method)).status).toBe(200);
      first.wrong = await fixture.ownTokens.verify(await issue(acme, { surface, jti: 'j-2', sub: 'u-eve' }), surface);
      // One that jsonwebtoken has verified before, and one that it has not.
      for (const shown of [token, await issue(acme, { surface, jti: 'j-3' })]) {
        const answer = await ask(shown, path + query, method);
        expect(answer.refusal()).toMatchObject({ status: 401, error: 'unauthorized' });
        expect(await reasonOf(answer.requestId)).toBe(
          'bearer: the token says something else to a second implementation',
        );
      }
    },
  );

  it('opens nothing when its signature is wrong', async () => {
    const token = await issue();
    first.wrong = await fixture.ownTokens.verify(token, 'user');
    const [header, payload, signature = ''] = token.split('.');
    const answer = await ask(`${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`);
    expect(answer.refusal()).toMatchObject({ status: 401, error: 'unauthorized' });
    expect(await reasonOf(answer.requestId)).toBe('bearer: a second implementation rejects the token');
  });

  it('opens nothing when it is of the other surface', async () => {
    const token = await issue(acme, { surface: 'admin' });
    first.wrong = await fixture.ownTokens.verify(token, 'admin');
    for (const path of ['/auth/validate', '/auth/user/profile']) expect((await ask(token, path)).status).not.toBe(200);
    expect((await ask(token, '/auth/validate?surface=admin')).status).toBe(200);
  });

  it('opens nothing when it has expired, even if jsonwebtoken accepted it before', async () => {
    const token = await issue();
    expect((await ask(token)).status).toBe(200);
    first.wrong = await fixture.ownTokens.verify(token, 'user');
    fixture.clock.advance(630_000);
    const answer = await ask(token);
    expect(answer.refusal()).toMatchObject({ status: 401, error: 'unauthorized' });
    expect(await reasonOf(answer.requestId)).toBe('bearer: the token has expired');
  });

  it('opens nothing when it is not a VerifiedToken', async () => {
    const token = await issue();
    expect((await ask(token)).status).toBe(200);
    first.wrong = { ...(await fixture.ownTokens.verify(token, 'user')) };
    for (const shown of [token, await issue(acme, { jti: 'j-2' })]) {
      const answer = await ask(shown);
      expect(answer.refusal()).toMatchObject({ status: 401, error: 'unauthorized' });
      expect(await reasonOf(answer.requestId)).toBe('bearer: the edge has verified no token');
    }
  });
});

describe('a strategy that passes', () => {
  it('opens nothing, although AuthGuard accepts such a request', async () => {
    await app.close();
    await start(PassingStrategy);
    const answer = await ask(await issue());
    expect(answer.refusal()).toMatchObject({ status: 401, error: 'unauthorized' });
    expect(await reasonOf(answer.requestId)).toBe('bearer: the second verification named no caller');
  });
});

describe('a key that cannot be had', () => {
  const outage = () => unavailable('vault', 'it cannot be reached');

  it.each([
    ['when the guard asks for it', 0],
    ['when passport-jwt asks for it', 1],
  ])('is 503 with Retry-After, never a refusal: %s', async (_name, before) => {
    const token = await issue();
    second.failures.push(...Array<undefined>(before).fill(undefined), outage());
    const answer = await ask(token);
    expect(answer.refusal()).toMatchObject({ status: 503, error: 'temporarily_unavailable' });
    expect(answer.headers.get('retry-after')).toBe('1');
    expect((await ask(token)).status).toBe(200);
  });

  it.each([0, 1])('is answered and does not end the process when it fails unexpectedly (%i)', async (before) => {
    const rejections: unknown[] = [];
    const onRejection = (reason: unknown) => rejections.push(reason);
    process.on('unhandledRejection', onRejection);
    try {
      second.failures.push(...Array<undefined>(before).fill(undefined), new TypeError('a mistake of ours'));
      const answer = await ask(await issue());
      expect(answer.status).not.toBe(200);
      expect(answer.text).not.toContain('mistake of ours');
      await new Promise((resolve) => setImmediate(resolve));
      expect(rejections).toEqual([]);
    } finally {
      process.off('unhandledRejection', onRejection);
    }
  });

  it('is a refusal when the key was revoked meanwhile', async () => {
    const token = await issue();
    second.failures.push(new TesseraError('unauthorized', 'bearer: the tenant has no such key that signs'));
    expect((await ask(token)).refusal()).toMatchObject({ status: 401, error: 'unauthorized' });
  });
});

it('is that of each application when two run in one process with different issuers', async () => {
  const [one, other] = [await startTessera(), await startTessera()];
  try {
    for (const surface of ['user', 'admin'] as const) {
      const tokens = [await issuedToken(one, surface), await issuedToken(other, surface)] as const;
      const statuses = await Promise.all(
        [one, other].flatMap((server) =>
          tokens.map(async (token) => {
            const headers = { authorization: `Bearer ${token}` };
            return (await server.get(`/auth/${surface}/profile`, headers)).status;
          }),
        ),
      );
      expect(statuses).toEqual([200, 401, 401, 200]);
    }
  } finally {
    await one.close();
    await other.close();
  }
});
