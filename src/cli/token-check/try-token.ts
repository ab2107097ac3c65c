import { AdministratorDirectory } from '../../directory/administrator.directory.ts';
import { CopiedServiceDirectory } from '../copied-service.directory.ts';
import { CopiedUserDirectory } from '../copied-user.directory.ts';
import { epochSeconds } from '../../domain/clock.ts';
import { PresentedToken } from '../../domain/presented-token.ts';
import type { PersonSurface } from '../../domain/surface.ts';
import { visibleJson } from '../../domain/text/visible-text.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { MAX_AGE_MS, STALE_MS } from '../../identity-providers/keys/remote-key-set.ts';
import { RemoteKeySets } from '../../identity-providers/keys/remote-key-sets.ts';
import { examineForm } from '../../identity-providers/subject-token.ts';
import type { Condition, Tenant, Trust } from '../../tenancy/tenant.ts';
import { type ExplainedStep, type Explanation, explain, NOWHERE } from '../../token-grants/explain.ts';
import { ExplainedExchangeGrant } from '../../token-grants/grants/oidc-exchange/explained-exchange.grant.ts';
import { explainParts } from '../explain/explain-parts.ts';
import { noTokenText } from '../explain/print-explanation.ts';
import { type Installation, SILENT } from '../installation.ts';
import { instant, type OutputFormat, printJson, printLines, printText, table, type Terminal } from '../terminal.ts';
import { unmetConditions, unmetConditionText } from './unmet-conditions.ts';
import { type ComparedRow, compareToken, quoted } from './compare-token.ts';
import { DISCOVERED_ISSUER, type FailedCheck, failedCheck, failedCheckText } from './failed-check.ts';
import { type MissingLink, missingLink } from './missing-link.ts';
import type { ObservedEgress } from './observed-egress.ts';
import {
  explainWorkload,
  findWorkloadClient,
  trustOfWorkload,
  WORKLOAD_CHECK_STEPS,
  type WorkloadClient,
  workloadText,
} from './workload-client.ts';

export interface TokenOptions {
  readonly client?: ProjectClient;
  readonly surface: PersonSurface;
  readonly output: OutputFormat;
}

export interface ProjectClient {
  readonly projectId: string;
  readonly clientId: string;
}

// Far above the size of a token. Longer input is refused, as by the server.
const MAX_INPUT_BYTES = 1_000_000;

/**
 * Tries a token up to the step before signing, and sets it beside the trusted issuer.
 *
 * @param trusts those that the operator has chosen
 * @throws OperatorError if the server would issue no token
 */
export async function tryToken(
  tenant: Tenant,
  trusts: readonly Trust[],
  egress: ObservedEgress,
  stores: Installation,
  { client, surface, output }: TokenOptions,
  { stdin, stdout }: Terminal,
): Promise<void> {
  const workload = findWorkloadClient(tenant, trusts, client);
  if (workload !== undefined) {
    await tryWorkload(tenant, workload, egress, stores, output, { stdin, stdout });
    return;
  }
  const shownBy = client ?? onlyClient(tenant, trusts);
  const token = new PresentedToken((await readAll(stdin)).trim());
  const { clock, database, directories, config } = stores;
  const { publicUrl } = config;
  const keySets = new RemoteKeySets(egress, clock, SILENT, config);
  const grant = new ExplainedExchangeGrant({ publicUrl, keySets, clock }, tenant, shownBy, token);
  const subjects = {
    user: new CopiedUserDirectory(directories),
    admin: new AdministratorDirectory(database),
    service: new CopiedServiceDirectory(directories),
  };
  const explanation = await explain(explainParts(stores, subjects), grant, {
    surface,
    body: undefined,
    request: NOWHERE,
  });
  const now = epochSeconds(clock.nowMs());
  const tried = examine({ explanation, token, tenant, trusts, surface, egress, named: grant.steps, now });
  if (output === 'json') printJson(stdout, documentOf(tried, explanation));
  else print(stdout, tried, explanation);
  if (explanation.refusal !== undefined) throw new OperatorError(noTokenText(explanation.refusal));
}

/** Tries a token as the assertion of a client that is a workload: there are no claims, because it may ask for any token of the client. */
async function tryWorkload(
  tenant: Tenant,
  workload: WorkloadClient,
  egress: ObservedEgress,
  { clock, config }: Installation,
  output: OutputFormat,
  { stdin, stdout }: Pick<Terminal, 'stdin' | 'stdout'>,
): Promise<void> {
  const token = new PresentedToken((await readAll(stdin)).trim());
  const deps = { publicUrl: config.publicUrl, keySets: new RemoteKeySets(egress, clock, SILENT, config), clock };
  const explanation = await explainWorkload(deps, tenant, workload.client, token);
  const trust = trustOfWorkload(workload);
  const tried = examine({
    explanation,
    token,
    tenant: { ...tenant, trusts: tenant.trusts.map((one) => (one === workload.trust ? trust : one)) },
    trusts: [trust],
    surface: 'user',
    egress,
    named: WORKLOAD_CHECK_STEPS,
    now: epochSeconds(clock.nowMs()),
    conditions: workload.workload.conditions,
  });
  const { refusal } = explanation;
  if (output === 'json') printJson(stdout, documentOf(tried, explanation));
  else {
    print(stdout, tried, explanation);
    printLines(stdout, ['', workloadText(tenant, workload, refusal === undefined)]);
  }
  if (refusal !== undefined) throw new OperatorError(`The client would not be authenticated: ${refusal.reason}.`);
}

/** What the command shows besides the claims. */
interface Tried {
  readonly steps: readonly NamedStep[];
  readonly trust: Trust | undefined;
  readonly rows: readonly ComparedRow[];
  readonly unmet: ReturnType<typeof unmetConditions>;
  readonly failed: FailedCheck | undefined;
  readonly link: MissingLink | undefined;
  /** Undefined: the command fetched no keys. */
  readonly keysFetchedAtMs: number | undefined;
}

interface Trial {
  readonly explanation: Explanation;
  readonly token: PresentedToken;
  readonly tenant: Tenant;
  readonly trusts: readonly Trust[];
  readonly surface: PersonSurface;
  readonly egress: ObservedEgress;
  /** The steps of the grant. */
  readonly named: readonly string[];
  readonly now: number;
  /** Those of the client, if it is a workload. */
  readonly conditions?: ReadonlyMap<string, Condition>;
}

function examine({ explanation, token, tenant, trusts, surface, egress, named, now, conditions }: Trial): Tried {
  const { refusal } = explanation;
  const steps = namedSteps(explanation.steps, named);
  const step = steps.find(({ outcome }) => outcome === 'refused')?.hop;
  const examined = examineForm(token);
  const claims: Readonly<Record<string, unknown>> = examined.form?.claims ?? {};
  const issuer = typeof claims['iss'] === 'string' ? claims['iss'] : undefined;
  const issuers = tenant.trusts.map((trust) => trust.issuer);
  const trust = tenant.trusts.find((one) => one.issuer === issuer) ?? (trusts.length === 1 ? trusts[0] : undefined);
  const { keys, otherIssuer } = trust === undefined ? NOTHING_OBSERVED : egress.observed(trust);
  const kids = keys?.set.keys.map(({ kid }) => kid);
  const rows = [
    ...compareToken(examined, { trust, issuers, kids, now }),
    ...(trust === undefined || otherIssuer === undefined
      ? []
      : [{ name: DISCOVERED_ISSUER, has: quoted(otherIssuer), wants: quoted(trust.issuer) }]),
  ];
  const unmetOf =
    step === 'conditions' ? trust : step === 'workload' && conditions !== undefined ? { conditions } : undefined;
  const unmet = unmetOf === undefined ? [] : unmetConditions(claims, unmetOf);
  const isUnknown = step === 'admission' && refusal?.reason === 'unknown subject';
  const link = isUnknown && trust !== undefined ? missingLink(claims, trust, tenant, surface, now) : undefined;
  const { fault } = examined;
  const failed =
    refusal === undefined || step === undefined
      ? undefined
      : failedCheck({ step, refusal, rows, fault, issuer, issuers, unmet, trust, surface, missingLink: link });
  return { steps, trust, rows, unmet, failed, link, keysFetchedAtMs: keys?.fetchedAtMs };
}

const NOTHING_OBSERVED: Partial<ReturnType<ObservedEgress['observed']>> = {};

/** Programs rely on the members and on the names of the steps. */
function documentOf(
  { steps, trust, rows, unmet, failed, link, keysFetchedAtMs }: Tried,
  { claims }: Explanation,
): object {
  return {
    hops: steps,
    claims: claims ?? null,
    unmet_conditions: unmet,
    issuer: trust?.id ?? null,
    comparison: rows,
    failed: failed === undefined ? null : namedFailure(failed),
    identities: link === undefined ? [] : [link.identity],
    key_set: { fetched_at: keysFetchedAtMs === undefined ? null : timeOf(keysFetchedAtMs), ...SERVER_KEY_AGES },
  };
}

/** Under the name that a step has in the output. */
function namedFailure({ step, ...failed }: FailedCheck): object {
  return { hop: step, ...failed };
}

/** How old the keys of an issuer are at most that a server uses. */
export const SERVER_KEY_AGES = Object.freeze({
  server_max_age_seconds: MAX_AGE_MS / 1_000,
  server_max_age_without_answer_seconds: STALE_MS / 1_000,
});

/** The same for people, in a sentence. */
export const SERVER_KEY_AGES_TEXT = `at most ${MAX_AGE_MS / 60_000} minutes old, or ${STALE_MS / 60_000} while the issuer does not answer`;

/** Whole seconds. */
export function timeOf(epochMs: number): string {
  return instant(epochSeconds(epochMs));
}

// Longer values are in the sentence about the failed check and in the JSON output.
const CELL_CHARACTERS = 72;

function print(
  stdout: Terminal['stdout'],
  { steps, trust, rows, unmet, failed, link, keysFetchedAtMs }: Tried,
  { claims }: Explanation,
): void {
  printLines(stdout, table(steps.map(({ hop: step, outcome, reason }) => [step, outcome, reason ?? ''])));
  const head = ['', 'THE TOKEN HAS', trust === undefined ? 'WANTED' : `ISSUER ${trust.id} WANTS`];
  printLines(stdout, ['', ...table([head, ...rows.map(({ name, has, wants }) => [name, cell(has), cell(wants)])])]);
  if (failed !== undefined) printLines(stdout, ['', failedCheckText(failed)]);
  if (unmet.length > 0) printLines(stdout, ['', ...unmet.map((condition) => unmetConditionText(condition))]);
  if (link !== undefined) printLines(stdout, ['', ...link.lines]);
  const own =
    keysFetchedAtMs === undefined ? 'This fetched no keys' : `This fetched the keys at ${timeOf(keysFetchedAtMs)}`;
  printLines(stdout, ['', `${own}. Those of a server are ${SERVER_KEY_AGES_TEXT}: so long it may decide otherwise.`]);
  if (claims !== undefined) printText(stdout, `\nThe token would hold:\n${visibleJson(claims)}`);
}

function cell(text: string): string {
  return text.length > CELL_CHARACTERS ? `${text.slice(0, CELL_CHARACTERS - 1)}…` : text;
}

/** Programs rely on the members `hops` and `hop` of the JSON output, and on the names in it. */
interface NamedStep {
  readonly hop: string;
  readonly outcome: string;
  readonly reason?: string;
}

/** The steps under their names in the output. The other steps say something only if they refuse. */
function namedSteps(steps: readonly ExplainedStep[], authentication: readonly string[]): readonly NamedStep[] {
  const named = new Set([...authentication, 'authorize', 'claims']);
  return steps
    .filter(({ step, outcome }) => named.has(step) || outcome === 'refused')
    .map(({ step, outcome, ...rest }) => ({
      hop: step === 'authorize' ? 'admission' : step,
      outcome: outcome === 'ok' ? 'passed' : outcome,
      ...rest,
    }));
}

/** @throws OperatorError if it is ambiguous which client presents the token */
function onlyClient(tenant: Tenant, trusts: readonly Trust[]): ProjectClient {
  const allowed = new Set(trusts.flatMap(({ clients }) => clients));
  const names = [...tenant.projects.values()].flatMap((project) =>
    [...project.clients.keys()]
      .filter((id) => allowed.has(id))
      .map((clientId) => ({ projectId: project.id, clientId })),
  );
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  throw new OperatorError(
    names.length === 0
      ? 'No client may use this issuer: list one under "clients" of the issuer in the tenants file.'
      : `Name the client that presents the token: --client ${names.map(({ projectId, clientId }) => `${projectId}/${clientId}`).join(' or --client ')}.`,
  );
}

async function readAll(stdin: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > MAX_INPUT_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
