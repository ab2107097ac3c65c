import fc from 'fast-check';
import type { Answer } from '../../support/requests/answer.ts';
import { clientOf, pathsIn, type Question, questionsOf } from '../../support/fixtures/random-questions.ts';
import { type RandomTenant, randomTenants, writeRandomTenants } from '../../support/fixtures/random-tenants.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';
import { runCli } from '../../../src/cli/program.ts';
import { SystemClock } from '../../../src/domain/clock.ts';

/** The rule: `explain` says yes exactly when a server issues the token, with equal claims. Fixed seeds, so that a failure comes again. */
const SEED = 20_261_127;
const RUNS = 200;
const TENANTS = ['t0', 't1', 't2', 't3', 't4', 't5'];
const worlds = fc.sample(randomTenants(TENANTS), { seed: SEED, numRuns: 2 });

let tessera: TestTesseraServer;
beforeAll(async () => {
  tessera = await startTessera({ tenantsFile: writeRandomTenants(worlds[0]!) });
});
afterAll(() => tessera.close());

interface Explained {
  readonly decision: 'yes' | 'no';
  readonly claims: Readonly<Record<string, unknown>> | null;
  readonly scopes: readonly {
    readonly scope: string;
    readonly role: string | null;
    readonly group?: string;
    readonly cut?: string;
  }[];
  readonly steps: readonly { readonly step: string; readonly outcome: string; readonly reason?: string }[];
}

async function explain({ tenant, project, client, surface, email }: Question, ...more: string[]): Promise<Explained> {
  let output = '';
  const code = await runCli(
    ['explain', `${tenant}/${project}/${client}`, email, '--surface', surface, '-o', 'json', ...more],
    {
      stdin: (async function* () {})(),
      stdout: { write: (text: string) => (output += text) },
      stderr: { write: () => undefined },
      clock: new SystemClock(),
      loadConfig: () => tessera.config,
    },
  );
  const explained = JSON.parse(output) as Explained;
  expect(code).toBe(explained.decision === 'yes' ? 0 : 1);
  return explained;
}

async function mint(
  world: readonly RandomTenant[],
  { tenant, project, client, surface, email }: Question,
): Promise<Answer> {
  const policy = clientOf(world, { tenant, project, client })?.policy;
  return tessera.post(`/auth/${surface}/generateToken`, {
    tenant_id: tenant,
    project_id: project,
    client_id: client,
    email_id: email,
    ...(policy === undefined && { secret_id: 'anything' }),
    ...(policy === 'confidential' && { secret_id: await secretOf(`${tenant}/${project}/${client}`) }),
  });
}

const added = new Map<string, string>();
/** A client that was secretless at first has no secret that `apply` has shown. */
async function secretOf(client: string): Promise<string> {
  try {
    return tessera.secret(client);
  } catch {
    const secret = added.get(client) ?? (await tessera.addSecret(client));
    added.set(client, secret);
    return secret;
  }
}

/** The claims but for `jti` and the times, which no two requests share; of the times, the life of the token. */
function comparable(claims: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { jti, iat, exp, ...others } = claims;
  expect(jti).toMatch(/^[0-9a-f-]{36}$/);
  return { ...others, life: Number(exp) - Number(iat) };
}

function claimsIn(answer: Answer): Record<string, unknown> {
  const [, payload = ''] = String(answer.body['access_token']).split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
}

const refusedAt = ({ steps }: Explained) => steps.find(({ outcome }) => outcome === 'refused');

/** @returns the outcome, to know that each was seen */
async function agree(world: readonly RandomTenant[], question: Question): Promise<string> {
  const [explained, answer] = [await explain(question), await mint(world, question)];
  if (answer.status === 200) {
    expect(explained).toMatchObject({ decision: 'yes' });
    expect(comparable(explained.claims!)).toEqual(comparable(claimsIn(answer)));
    const carried = explained.scopes.filter(({ cut }) => cut === undefined).map(({ scope }) => scope);
    expect([...new Set(carried)].join(' ')).toBe(claimsIn(answer)['scope']);
    return carried.length < explained.scopes.length ? 'issued, scopes cut' : 'issued';
  }
  expect(explained).toMatchObject({ decision: 'no', claims: null });
  const reason = refusedAt(explained)?.reason;
  // The reason says what the record says, and for the size also the detail of the answer.
  expect(reason?.split('. ')[0]).toBe(tessera.auditReason(answer.requestId));
  return String(tessera.auditReason(answer.requestId));
}

const key = (path: object) => JSON.stringify(path);

const seen = new Set<string>();

describe.each([
  ['the tenants as first applied', 0],
  ['the tenants after a change of everything', 1],
])('explain and the server, over %s', (_name, index) => {
  const world = worlds[index]!;
  it('agree for every client and subject', async () => {
    if (index > 0) await tessera.apply(writeRandomTenants(world));
    await fc.assert(
      fc.asyncProperty(questionsOf(world), async (question) => {
        seen.add(await agree(world, question));
      }),
      { seed: SEED + index, numRuns: RUNS },
    );
  });

  it('name the role and the group of each scope as the file does', async () => {
    await fc.assert(
      fc.asyncProperty(questionsOf(world), async (question) => {
        const explained = await explain(question);
        const isLookedUp = explained.decision === 'yes' || explained.steps[4]?.outcome === 'ok';
        if (!isLookedUp) return;
        const paths = explained.scopes.map(({ scope, role, group }) => key({ scope, role, group }));
        expect(paths.sort()).toEqual(pathsIn(world, question).map(key).sort());
        const { scopes } = clientOf(world, question)!;
        for (const { scope, cut } of explained.scopes)
          expect(cut).toBe(
            scopes === 'unbounded' || scopes.includes(scope)
              ? undefined
              : `not among the scopes of client ${question.client}`,
          );
      }),
      { seed: SEED - index, numRuns: 40 },
    );
  });
});

it('met tokens, scopes that were cut, and every refusal', () => {
  expect([...seen].sort()).toEqual([
    'a secretless client asked on the admin surface',
    'issued',
    'issued, scopes cut',
    'the client is disabled',
    'the client may not ask for this subject',
    'the client may not use this surface',
    'the project is disabled',
    'the subject is disabled',
    'the tenant is suspended',
    'the token exceeds the size budget',
    'unknown project or client',
    'unknown subject',
    'unknown tenant',
  ]);
});

describe('explain and the server, while a revocation takes effect', () => {
  const world = worlds[1]!;
  let question: Question;
  /** A question that gets a token, and its subject's id. */
  let subject: string;
  beforeAll(async () => {
    const all = fc.sample(questionsOf(world), { seed: SEED, numRuns: 100 });
    for (question of all) {
      const { claims } = await explain(question);
      subject = String(claims?.['sub']);
      if (claims !== null && question.surface === 'user') return;
    }
    throw new Error('no question gets a token');
  });

  /** Commands use the system's clock, and a revocation reaches 2 s beyond it. That of an operator whose clock is ahead reaches further. */
  async function atSystemTime<T>(nowMs: number, work: () => Promise<T>): Promise<T> {
    const { now } = Date;
    Date.now = () => nowMs;
    try {
      return await work();
    } finally {
      Date.now = now;
    }
  }
  let aheadMs = 0;

  it.each([
    ['its subject', () => ['--subject', `${question.tenant}/${subject}`]],
    ['its client', () => ['--client', `${question.tenant}/${question.project}/${question.client}`]],
    ['its tenant', () => ['--tenant', question.tenant]],
  ])('refuse a token of %s, and then issue one', async (_name, target) => {
    aheadMs += 100_000;
    await atSystemTime(Date.now() + aheadMs, () => tessera.cli(['revoke', ...target()]));
    await tessera.caughtUp();
    expect(refusedAt(await explain(question))).toEqual({
      step: 'sign',
      outcome: 'refused',
      reason: 'revocations: one is taking effect',
    });
    const refused = await mint(world, question);
    expect(refused.refusal()).toMatchObject({ status: 503 });
    expect(tessera.auditReason(refused.requestId)).toBe('revocations: one is taking effect');

    await atSystemTime(Date.now() + aheadMs + 10_000, async () => {
      tessera.clock.jumpAheadOfSystem(0);
      expect(await agree(world, question)).toMatch(/^issued/);
    });
  });
});
