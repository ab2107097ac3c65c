import { SystemClock } from '../domain/clock.ts';
import { OperatorError } from '../errors/operator-error.ts';
import { fetchKeySet, KEYS_DEADLINE_MS } from '../identity-providers/keys/fetch-key-set.ts';
import { keysForAlgorithms, type ProviderKey, type SkippedKey } from '../identity-providers/keys/provider-key-set.ts';
import { printable } from '../provisioning/file/source-node.ts';
import { Deadline } from '../runtime/deadline.ts';
import type { Tenant, Trust } from '../tenancy/tenant.ts';
import { findTenant, withReadOnly } from './installation.ts';
import { printJson, printLines, type Terminal } from './terminal.ts';
import { boundedText, quoted } from './token-check/compare-token.ts';
import { ObservedEgress } from './token-check/observed-egress.ts';
import { SERVER_KEY_AGES, SERVER_KEY_AGES_TEXT, timeOf, type TokenOptions, tryToken } from './token-check/try-token.ts';

export interface CheckOptions extends TokenOptions {
  readonly token?: string;
}

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
    const egress = new ObservedEgress(stores.config, stores.clock);
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
  egress: ObservedEgress,
  { output }: CheckOptions,
  { stdout }: Terminal,
): Promise<void> {
  const checked = await Promise.all(
    trusts.map(async (trust) => {
      const found = await fetchKeySet(egress, trust, new Deadline(new SystemClock(), KEYS_DEADLINE_MS));
      const { keys: observedKeys, otherIssuer } = egress.observed(trust);
      if (found.set === undefined)
        return {
          id: trust.id,
          issuer: trust.issuer,
          refusal: found.refusal,
          found_issuer: otherIssuer === undefined ? null : boundedText(otherIssuer),
        };
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
        fetched_at: observedKeys === undefined ? null : timeOf(observedKeys.fetchedAtMs),
        server_max_age_seconds: SERVER_KEY_AGES.server_max_age_seconds,
        server_max_age_without_answer_seconds: SERVER_KEY_AGES.server_max_age_without_answer_seconds,
      };
    }),
  );
  if (output === 'json') printJson(stdout, { issuers: checked });
  else
    printLines(stdout, [
      ...checked.flatMap((issuer) =>
        issuer.keys === undefined
          ? [
              `${issuer.id}: ${issuer.issuer}`,
              `  refused: ${issuer.refusal}`,
              ...(issuer.found_issuer === null
                ? []
                : [`  expected ${quoted(issuer.issuer)}, found ${quoted(issuer.found_issuer)}`]),
            ]
          : [
              `${issuer.id}: ${issuer.issuer}`,
              `  keys at ${issuer.jwks_uri}${issuer.fetched_at === null ? '' : `, fetched at ${issuer.fetched_at}`}`,
              ...issuer.keys.map(({ kid, type }) => `  key ${shownKid(kid)}: ${type}`),
              ...issuer.skipped_keys.map(({ kid, reason }) => `  skipped ${shownKid(kid)}: ${reason}`),
            ],
      ),
      `The keys that a server uses are ${SERVER_KEY_AGES_TEXT}.`,
    ]);
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
