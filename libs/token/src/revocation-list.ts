import type { VerifiedToken } from './verified-token.ts';

/** What a revocation names: one token, or all of a subject, a client, a key or a tenant. */
export type RevocationKind = 'token' | 'subject' | 'client' | 'key' | 'tenant';

export interface Revocation {
  readonly issuer: string;
  readonly kind: RevocationKind;
  /** jti, sub, client_id, kid, or `*` for the tenant. */
  readonly id: string;
  /** Hits tokens issued up to then, epoch seconds; undefined: all. */
  readonly before: number | undefined;
  /** Forgotten after it, epoch seconds: by then every token that it hits is dead. */
  readonly until: number;
}

/** What of a token a revocation can name. */
export type RevocableToken = Pick<
  VerifiedToken,
  'issuer' | 'tokenId' | 'subject' | 'clientId' | 'keyId' | 'issuedAt' | 'actor'
>;

/** Revocations, found by what a token says of itself and of those who acted for it. */
export class RevocationList {
  readonly #entries = new Map<string, Revocation[]>();

  add(revocation: Revocation): void {
    const name = nameOf(revocation.issuer, revocation.kind, revocation.id);
    const entries = this.#entries.get(name);
    // Two with other bounds stay two: merged, they would hit what neither does.
    if (entries === undefined) this.#entries.set(name, [revocation]);
    else entries.push(revocation);
  }

  hits(token: RevocableToken, nowSeconds: number): boolean {
    if (this.#entries.size === 0) return false;
    const { issuer } = token;
    return (
      this.#has(token, nowSeconds, nameOf(issuer, 'token', token.tokenId)) ||
      this.#has(token, nowSeconds, nameOf(issuer, 'subject', token.subject)) ||
      this.#has(token, nowSeconds, nameOf(issuer, 'client', token.clientId)) ||
      this.#has(token, nowSeconds, nameOf(issuer, 'key', token.keyId)) ||
      this.#has(token, nowSeconds, nameOf(issuer, 'tenant', '*')) ||
      this.#hitsActor(token, nowSeconds)
    );
  }

  forget(nowSeconds: number): void {
    for (const [name, entries] of this.#entries) {
      const alive = entries.filter(({ until }) => nowSeconds <= until);
      if (alive.length === 0) this.#entries.delete(name);
      else this.#entries.set(name, alive);
    }
  }

  /** Who is revoked must not live on in what it was exchanged for: every actor of the chain counts (RFC 8693, section 4.1). */
  #hitsActor(token: RevocableToken, nowSeconds: number): boolean {
    for (let { actor } = token; actor !== undefined; actor = actor.act) {
      if (this.#has(token, nowSeconds, nameOf(token.issuer, 'subject', actor.sub))) return true;
      if (
        actor.client_id !== undefined &&
        this.#has(token, nowSeconds, nameOf(token.issuer, 'client', actor.client_id))
      )
        return true;
    }
    return false;
  }

  #has(token: RevocableToken, nowSeconds: number, name: string): boolean {
    const entries = this.#entries.get(name);
    return (
      entries?.some(({ before, until }) => nowSeconds <= until && (before === undefined || token.issuedAt <= before)) ??
      false
    );
  }
}

/** The id comes last: whatever it holds, two different triples never give one name, for issuers of the trust hold no line break. */
function nameOf(issuer: string, kind: RevocationKind, id: string): string {
  return `${issuer}\n${kind}\n${id}`;
}
