import { decodeJwt } from 'jose';
import { type AuditRecord, AuditStore } from '../audit/audit-record.ts';
import { AuditTrail } from '../audit/audit-trail.ts';
import { Auditor } from '../audit/auditor.ts';
import { parseEmail } from '../domain/email.ts';
import { parseTenantId } from '../domain/ids.ts';
import { TesseraError, unavailable } from '../errors/tessera-error.ts';
import type { AttemptKey } from '../rate-limit/attempt-limit.ts';
import { FailureLimits } from '../rate-limit/failure-limits.ts';
import { ReplayProtection } from '../replay/replay-protection.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { ListedSubjects } from '../testing/exchange-fixture.ts';
import { type IssuingFixture, openIssuingFixture, PUBLIC_URL } from '../testing/issuing-fixture.ts';
import { refusalOf } from '../testing/refusal.ts';
import { clientOf, collectingLog } from '../testing/storage.ts';
import { ALL_SCOPES, AuthenticatedClient, sealAuthenticatedClient } from './authorize.ts';
import { withoutUnknownTenant } from './grants/oidc-exchange/oidc-exchange.grant.ts';
import {
  type AuthenticationProgress,
  type Grant,
  type TokenRequest,
  type TokenRequestInput,
  tokenResponse,
} from './grant.ts';
import { TokenPipeline } from './token-pipeline.ts';

interface VoucherRequest extends TokenRequest {
  readonly voucher: string;
  readonly email: string;
}

/** All that a third grant takes: vouchers of the client shop/web. One that begins with `once` is good for one token. */
class VoucherGrant implements Grant<VoucherRequest> {
  readonly name = 'voucher';
  readonly type = undefined;
  readonly respond = tokenResponse;
  readonly errorOf = withoutUnknownTenant;

  parse({ body, surface }: TokenRequestInput): VoucherRequest {
    const { tenant, voucher, email } = body as Record<string, string>;
    const tenantId = parseTenantId(tenant);
    if (tenantId === undefined || voucher === undefined || email === undefined)
      throw new TesseraError('invalid_request', 'the body is not a voucher request');
    return { surface, tenantId, voucher, email };
  }

  attemptKey({ tenantId }: VoucherRequest): AttemptKey {
    return { key: `voucher ${tenantId}`, isGuessable: true };
  }

  authenticate(
    tenant: Tenant,
    request: VoucherRequest,
    progress: AuthenticationProgress,
  ): Promise<AuthenticatedClient> {
    const client = clientOf(tenant, 'shop', 'web');
    progress.clientFound(client);
    if (!request.voucher.endsWith('good'))
      return Promise.reject(new TesseraError('unauthorized', 'the voucher is not good'));
    progress.authenticated();
    progress.asksFor('subject', request.email);
    return Promise.resolve(
      AuthenticatedClient[sealAuthenticatedClient]({
        client,
        subject: { by: 'email', email: parseEmail(request.email)!.canonical },
        audience: client.audience,
        scopes: ALL_SCOPES,
        notAfter: undefined,
        exchange: undefined,
        parentTokenId: undefined,
        once: request.voucher.startsWith('once')
          ? { issuer: 'vouchers', tokenId: request.voucher, until: 2_000 }
          : undefined,
        secretId: undefined,
      }),
    );
  }
}

const FAILURES = 3;
let tessera: IssuingFixture;
beforeAll(async () => {
  tessera = await openIssuingFixture();
  await tessera.addTenant('acme');
});
afterAll(() => tessera.close());

interface PipelineOptions {
  readonly isRedeemed?: boolean;
  readonly failing?: 'redeeming' | 'recording';
}

/** The pipeline over real issuing. `done` says what was written, in order. */
function openPipeline(options: PipelineOptions = {}) {
  const done: string[] = [];
  const records: AuditRecord[] = [];
  class Redeemed extends ReplayProtection {
    override redeem(tenantId: string): Promise<boolean> {
      if (options.failing === 'redeeming') return Promise.reject(unavailable('control database', 'busy'));
      done.push(`redeemed in ${tenantId}`);
      return Promise.resolve(options.isRedeemed !== true);
    }
  }
  class Store extends AuditStore {
    override markUnreleased(): Promise<void> {
      return Promise.resolve();
    }
    override append(group: readonly AuditRecord[]): Promise<void> {
      if (options.failing === 'recording') return Promise.reject(unavailable('control database', 'busy'));
      for (const record of group) done.push(record.outcome);
      records.push(...group);
      return Promise.resolve();
    }
  }
  const users = new ListedSubjects();
  users.add('u-ada', 'ada@acme.example');
  users.add('u-bob', 'bob@acme.example', 'disabled');
  const { log } = collectingLog();
  const pipeline = new TokenPipeline(
    { publicUrl: PUBLIC_URL },
    new FailureLimits({ limits: { failuresPerMinute: FAILURES }, caches: { tenants: 1 } }, tessera.clock),
    { start: () => tessera.clock.nowMs(), refuseRevoked: () => undefined },
    tessera.tenants,
    { user: users, admin: users, service: new ListedSubjects() },
    tessera.issuer,
    new Redeemed(),
    new Auditor(new AuditTrail(new Store()), tessera.clock, log),
  );
  const request = () => ({
    requestId: 'r-1',
    route: 'POST /auth/user/voucher',
    source: '192.0.2.1',
    network: '192.0.2.1',
    conclusion: undefined,
  });
  const ask = (body: Record<string, unknown> = {}, asked = request()) =>
    pipeline.answer(new VoucherGrant(), {
      surface: 'user',
      body: { tenant: 'acme', voucher: 'good', email: 'ada@acme.example', ...body },
      request: asked,
    });
  return { ask, request, done, records };
}

describe('a third grant', () => {
  it('gets a token, which is on record before it leaves', async () => {
    const { ask, request, done, records } = openPipeline();
    const asked = request();
    const answer = JSON.parse(await ask({}, asked)) as { access_token: string };
    expect(answer).toEqual({ access_token: expect.any(String), expires_in: 600, token_type: 'Bearer' });
    const claims = decodeJwt(answer.access_token);
    expect(claims).toMatchObject({ sub: 'u-ada', client_id: 'web', project_id: 'shop', tenant_id: 'acme' });
    await expect(tessera.ownTokens.verify(answer.access_token, 'user')).resolves.toMatchObject({ subject: 'u-ada' });
    expect(done).toEqual(['issued']);
    expect(records).toEqual([
      {
        at: tessera.clock.nowMs(),
        requestId: 'r-1',
        route: 'POST /auth/user/voucher',
        source: '192.0.2.1',
        outcome: 'issued',
        reason: undefined,
        tenantId: 'acme',
        projectId: 'shop',
        clientId: 'web',
        subjectId: 'u-ada',
        tokenId: claims.jti,
        keyId: expect.any(String),
        secretId: undefined,
        grant: undefined,
      },
    ]);
    // One object, made once: the line in the log says the same.
    expect(asked.conclusion).toBe(records[0]);
  });

  it.each([
    ['bad credentials', { voucher: 'bad' }, 'unauthorized', 'the voucher is not good', undefined, undefined],
    ['an unknown subject', { email: 'nobody@acme.example' }, 'unauthorized', 'unknown subject', undefined, undefined],
    [
      'a disabled subject',
      { email: 'bob@acme.example' },
      'unauthorized',
      'the subject is disabled',
      'u-bob',
      undefined,
    ],
  ])('is refused for %s, on record with what is known of it', async (_, body, code, reason, subjectId, tokenId) => {
    const { ask, records } = openPipeline();
    const error = await refusalOf(ask(body));
    expect([error.code, error.reason]).toEqual([code, reason]);
    expect(records).toMatchObject([
      { outcome: code, reason, tenantId: 'acme', projectId: 'shop', clientId: 'web', subjectId, tokenId },
    ]);
  });

  it('is refused for another body, with no record and nothing looked up', async () => {
    const { ask, request, records } = openPipeline();
    const asked = request();
    expect((await refusalOf(ask({ tenant: '../acme' }, asked))).code).toBe('invalid_request');
    expect(records).toEqual([]);
    expect(asked.conclusion).toMatchObject({ outcome: 'invalid_request', tenantId: undefined });
  });

  it('does not reveal which tenants exist', async () => {
    const { ask, records } = openPipeline();
    const error = await refusalOf(ask({ tenant: 'nowhere' }));
    expect([error.code, error.reason]).toEqual(['unauthorized', 'bearer: unknown tenant']);
    expect(records).toMatchObject([{ outcome: 'unauthorized', tenantId: 'nowhere', clientId: undefined }]);
  });

  it('is limited after some failures, with no record, good credentials or not', async () => {
    const { ask, records } = openPipeline();
    for (let failure = 0; failure < FAILURES; failure += 1)
      expect((await refusalOf(ask({ voucher: 'bad' }))).code).toBe('unauthorized');
    expect((await refusalOf(ask({ voucher: 'bad' }))).code).toBe('too_many_requests');
    expect((await refusalOf(ask())).code).toBe('too_many_requests');
    expect(records).toHaveLength(FAILURES);
  });

  it('is limited per subject once its client has authenticated', async () => {
    const { ask } = openPipeline();
    const codes: string[] = [];
    for (let failure = 0; failure <= FAILURES; failure += 1)
      codes.push((await refusalOf(ask({ email: 'nobody@acme.example' }))).code);
    expect(codes).toEqual([...Array<string>(FAILURES).fill('unauthorized'), 'too_many_requests']);
    expect(JSON.parse(await ask())).toMatchObject({ token_type: 'Bearer' });
  });
});

describe('credentials that are good for one token', () => {
  it('are redeemed before the token is recorded', async () => {
    const { ask, done } = openPipeline();
    await ask({ voucher: 'once-good' });
    expect(done).toEqual(['redeemed in acme', 'issued']);
  });

  it('are not redeemed when they may be used again', async () => {
    const { ask, done } = openPipeline();
    await ask();
    expect(done).toEqual(['issued']);
  });

  it('are refused when they were redeemed before, and the record names no token', async () => {
    const { ask, records } = openPipeline({ isRedeemed: true });
    const { code, reason } = await refusalOf(ask({ voucher: 'once-good' }));
    expect([code, reason]).toEqual(['unauthorized', 'the subject token is refused: it was used before']);
    expect(records).toMatchObject([
      { outcome: 'unauthorized', subjectId: 'u-ada', tokenId: undefined, keyId: undefined },
    ]);
  });

  it.each(['redeeming', 'recording'] as const)('drop the token when %s fails', async (failing) => {
    const { ask, done } = openPipeline({ failing });
    const { code } = await refusalOf(ask({ voucher: 'once-good' }));
    expect(code).toBe('temporarily_unavailable');
    expect(done).toEqual(failing === 'redeeming' ? ['temporarily_unavailable'] : ['redeemed in acme']);
  });
});
