import { AdministratorDirectory } from '../directory/administrator.directory.ts';
import { CopiedUserDirectory } from './copied-user.directory.ts';
import { OperatorError } from '../errors/operator-error.ts';
import { Egress } from '../identity-providers/egress/egress.ts';
import { OutboundNetwork } from '../identity-providers/egress/outbound-network.ts';
import { type ExplainedStep, explain } from '../token-grants/explain.ts';
import { ExplainedExchangeGrant } from '../token-grants/grants/oidc-exchange/explained-exchange.grant.ts';
import { fetchKeySet, KEYS_DEADLINE_MS } from '../identity-providers/keys/fetch-key-set.ts';
import { SystemClock } from '../domain/clock.ts';
import { keysForAlgorithms, type ProviderKey, type SkippedKey } from '../identity-providers/keys/provider-key-set.ts';
import { PresentedToken } from '../domain/presented-token.ts';
import { RemoteKeySets } from '../identity-providers/keys/remote-key-sets.ts';
import { Deadline } from '../runtime/deadline.ts';
import { printable } from '../provisioning/file/source-node.ts';
import type { Tenant, Trust } from '../tenancy/tenant.ts';
import type { Surface } from '../domain/surface.ts';
import { visibleJson } from '../domain/visible-text.ts';
import { parseSubjectToken } from '../identity-providers/subject-token.ts';
import { type UnmetCondition, unmetConditions, unmetConditionText } from './unmet-conditions.ts';
import { explainParts } from './explain/explain-parts.ts';
import { noTokenText } from './explain/print-explanation.ts';
import { findTenant, type Installation, SILENT, withReadOnly } from './installation.ts';
import { type OutputFormat, printJson, printLines, printText, table, type Terminal } from './terminal.ts';

export interface CheckOptions {
  readonly token?: string;
  readonly client?: ProjectClient;
  readonly surface: Surface;
  readonly output: OutputFormat;
}

export interface ProjectClient {
  readonly projectId: string;
  readonly clientId: string;
}

// Far above the size of a token. Longer input is refused, as by the server.
const MAX_INPUT_BYTES = 1_000_000;

/**
 * Does what a server would: fetches the issuers' keys, or tries a token up to the step before signing.
 *
 * @throws OperatorError if a key set cannot be fetched, or if the server would issue no token
 */
export async function checkIssuers(
  tenantId: string,
  issuerId: string | undefined,
  options: CheckOptions,
  terminal: Terminal,
): Promise<void> {
  await withReadOnly(terminal.loadConfig(), async (stores) => {
    const { tenant } = await findTenant(stores, tenantId);
    const trusts = chosenTrusts(tenant, issuerId);
    const egress = new Egress(stores.config, new OutboundNetwork());
    if (options.token === undefined) await checkKeys(trusts, egress, options, terminal);
    else await tryToken(tenant, trusts, egress, stores, options, terminal);
  });
}

function chosenTrusts(tenant: Tenant, issuerId: string | undefined): readonly Trust[] {
  const chosen = tenant.trusts.filter(({ id }) => issuerId === undefined || id === issuerId);
  if (chosen.length > 0) return chosen;
  throw new OperatorError(
    tenant.trusts.length === 0
      ? `Tenant ${tenant.id} trusts no issuer: add one under "issuers" in the tenants file.`
      : `There is no such issuer: use one of ${tenant.trusts.map(({ id }) => id).join(', ')}.`,
  );
}

async function checkKeys(
  trusts: readonly Trust[],
  egress: Egress,
  { output }: CheckOptions,
  { stdout }: Terminal,
): Promise<void> {
  const checked = await Promise.all(
    trusts.map(async (trust) => {
      const found = await fetchKeySet(egress, trust, new Deadline(new SystemClock(), KEYS_DEADLINE_MS));
      if (found.set === undefined) return { id: trust.id, issuer: trust.issuer, refusal: found.refusal };
      const keys = keysForAlgorithms(found.set, trust.algorithms);
      const skipped = [...found.set.skipped, ...found.set.keys.filter((key) => !keys.includes(key)).map(unfit(trust))];
      return {
        id: trust.id,
        issuer: trust.issuer,
        jwks_uri: found.jwksUri,
        keys: keys.map(({ kid, publicKey }) => ({ kid: kid ?? null, type: publicKey.asymmetricKeyType ?? '' })),
        // Programs rely on `skipped`: the reasons of keys for signatures, each once.
        skipped: [...new Set(skipped.filter((key) => !key.isForOtherPurpose).map(({ reason }) => reason))],
        skipped_keys: skipped.map(({ kid, reason }) => ({ kid: kid ?? null, reason })),
      };
    }),
  );
  if (output === 'json') printJson(stdout, { issuers: checked });
  else
    printLines(
      stdout,
      checked.flatMap((issuer) =>
        issuer.keys === undefined
          ? [`${issuer.id}: ${issuer.issuer}`, `  refused: ${issuer.refusal}`]
          : [
              `${issuer.id}: ${issuer.issuer}`,
              `  keys at ${issuer.jwks_uri}`,
              ...issuer.keys.map(({ kid, type }) => `  key ${shownKid(kid)}: ${type}`),
              ...issuer.skipped_keys.map(({ kid, reason }) => `  skipped ${shownKid(kid)}: ${reason}`),
            ],
      ),
    );
  const failed = checked.filter(({ keys = [] }) => keys.length === 0);
  if (failed.length > 0)
    throw new OperatorError(
      `No usable keys of ${failed.map(({ id }) => id).join(', ')}: a server could not verify their tokens. Correct the issuer in the tenants file, or ask its operator.`,
    );
}

function unfit({ algorithms }: Trust): (key: ProviderKey) => SkippedKey {
  const reason = `it fits none of the algorithms of this issuer, ${algorithms.join(', ')}`;
  return ({ kid }) => ({ kid, reason, isForOtherPurpose: false });
}

function shownKid(kid: string | null): string {
  return kid === null ? '(without kid)' : printable(kid);
}

async function tryToken(
  tenant: Tenant,
  trusts: readonly Trust[],
  egress: Egress,
  stores: Installation,
  { client, surface, output }: CheckOptions,
  { stdin, stdout }: Terminal,
): Promise<void> {
  const shownBy = client ?? onlyClient(tenant, trusts);
  const token = new PresentedToken((await readAll(stdin)).trim());
  const { clock, database, directories, config } = stores;
  const { publicUrl } = config;
  const keySets = new RemoteKeySets(egress, clock, SILENT);
  const grant = new ExplainedExchangeGrant({ publicUrl, keySets, clock }, tenant, shownBy, token);
  const subjects = { user: new CopiedUserDirectory(directories), admin: new AdministratorDirectory(database) };
  const { steps, claims, refusal } = await explain(explainParts(stores, subjects), grant, surface, undefined);
  const shown = namedSteps(steps, grant.steps);
  const unmet = shown.some(({ hop, outcome }) => hop === 'conditions' && outcome === 'refused')
    ? unmetOf(token, tenant)
    : [];
  if (output === 'json') printJson(stdout, { hops: shown, claims: claims ?? null, unmet_conditions: unmet });
  else {
    printLines(stdout, table(shown.map(({ hop: step, outcome, reason }) => [step, outcome, reason ?? ''])));
    if (unmet.length > 0) printLines(stdout, ['', ...unmet.map((condition) => unmetConditionText(condition))]);
    if (claims !== undefined) printText(stdout, `\nThe token would hold:\n${visibleJson(claims)}`);
  }
  if (refusal !== undefined) throw new OperatorError(noTokenText(refusal));
}

/** The conditions that a token does not meet. Its form, its issuer and its signature have passed. */
function unmetOf(presented: PresentedToken, { trusts }: Tenant): readonly UnmetCondition[] {
  const { issuer, claims } = parseSubjectToken(presented);
  const trust = trusts.find((one) => one.issuer === issuer);
  return trust === undefined ? [] : unmetConditions(claims, trust);
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
