import type { Config } from '../../config/config.ts';
import type { Clock } from '../../domain/clock.ts';
import { isMap } from '../../identity-providers/claims/conditions.ts';
import { discoveryUrl } from '../../identity-providers/egress/discovery.ts';
import { Egress, type ProviderAnswer } from '../../identity-providers/egress/egress.ts';
import { OutboundNetwork } from '../../identity-providers/egress/outbound-network.ts';
import type { KeySource } from '../../identity-providers/keys/fetch-key-set.ts';
import { type ProviderKeySet, parseProviderKeySet } from '../../identity-providers/keys/provider-key-set.ts';
import type { Deadline } from '../../runtime/deadline.ts';

/** What one issuer has answered to this command. */
export interface ObservedIssuer {
  /** The issuer that its discovery document names, if that is another one. */
  readonly otherIssuer: string | undefined;
  readonly keys: { readonly set: ProviderKeySet; readonly fetchedAtMs: number } | undefined;
}

/** Fetches as a server does, and keeps the answers: a server keeps only its verdict. */
export class ObservedEgress extends Egress {
  readonly #clock: Clock;
  readonly #answers = new Map<string, { readonly value: unknown; readonly atMs: number }>();

  constructor(config: Config, clock: Clock) {
    super(config, new OutboundNetwork());
    this.#clock = clock;
  }

  override async fetchJson(url: string, deadline: Deadline): Promise<ProviderAnswer> {
    const answer = await super.fetchJson(url, deadline);
    if (answer.kind === 'json') this.#answers.set(url, { value: answer.value, atMs: this.#clock.nowMs() });
    return answer;
  }

  observed({ issuer, jwksUri, keyUse }: KeySource): ObservedIssuer {
    const discovery = jwksUri === undefined ? this.#answers.get(discoveryUrl(issuer))?.value : undefined;
    const discovered = isMap(discovery) ? discovery : {};
    const named = discovered['issuer'];
    const keysUrl = jwksUri ?? discovered['jwks_uri'];
    const keys = typeof keysUrl === 'string' ? this.#answers.get(keysUrl) : undefined;
    const set = keys === undefined ? undefined : parseProviderKeySet(keys.value, keyUse).set;
    return {
      otherIssuer: typeof named === 'string' && named !== issuer ? named : undefined,
      keys: keys === undefined || set === undefined ? undefined : { set, fetchedAtMs: keys.atMs },
    };
  }
}
