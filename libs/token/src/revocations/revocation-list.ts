import type { Revocation, RevocationKind } from './revocation.ts';
import { RevocationColumns } from './revocation-columns.ts';
import type { VerifiedToken } from '../verify/verified-token.ts';

/** What of a token a revocation can name. */
export type RevocableToken = Pick<
  VerifiedToken,
  'issuer' | 'tokenId' | 'subject' | 'clientId' | 'keyId' | 'issuedAt' | 'actor'
>;

/** Rows that are copied before other work gets its turn: well below a millisecond. */
const ROWS_A_TURN = 2_000;

/** Revocations in the order in which they were added, found by what a token says of itself and of those who acted for it. */
export class RevocationList {
  readonly #rows = new RevocationColumns();

  get size(): number {
    return this.#rows.size;
  }

  add(revocation: Revocation): void {
    this.#rows.append(revocation);
  }

  /** @param index from 0, below `size` */
  at(index: number): Revocation {
    return this.#rows.at(index);
  }

  untilOf(index: number): number {
    return this.#rows.untilOf(index);
  }

  /** Takes one out: it hits nothing any more. Its memory is free after `copyOf`. */
  drop(index: number): void {
    this.#rows.void(index);
  }

  /** Stands for an issuer where many entries are compared; undefined when no entry is of that issuer. */
  issuerNumber(issuer: string): number | undefined {
    return this.#rows.issuerNumber(issuer);
  }

  issuerNumberOf(index: number): number {
    return this.#rows.issuerNumberOf(index);
  }

  hits(token: RevocableToken, nowSeconds: number): boolean {
    const issuer = this.#rows.issuerNumber(token.issuer);
    if (issuer === undefined) return false;
    const { issuedAt } = token;
    const has = (kind: RevocationKind, id: string): boolean => this.#rows.hits(issuer, kind, id, issuedAt, nowSeconds);
    if (has('token', token.tokenId) || has('key', token.keyId) || has('tenant', '*')) return true;
    if (has('subject', token.subject) || has('client', token.clientId)) return true;
    // Who is revoked must not live on in what it was exchanged for: every actor of the chain counts (RFC 8693, section 4.1).
    for (let { actor } = token; actor !== undefined; actor = actor.act)
      if (has('subject', actor.sub) || (actor.client_id !== undefined && has('client', actor.client_id))) return true;
    return false;
  }

  /** How many are of no use any more. */
  countDead(nowSeconds: number): number {
    let dead = 0;
    for (let index = 0; index < this.size; index++) if (this.untilOf(index) < nowSeconds) dead++;
    return dead;
  }

  /**
   * A list without what is of no use at that time. Made in pieces, so that a long list does not stop everything else; nothing may be added meanwhile.
   *
   * @param onKept called for each entry that is kept, in order
   */
  async copyOf(nowSeconds: number, onKept: (index: number) => void = () => undefined): Promise<RevocationList> {
    const copy = new RevocationList();
    for (let index = 0; index < this.size; index++) {
      if (index % ROWS_A_TURN === ROWS_A_TURN - 1) await nextTurn();
      if (this.untilOf(index) < nowSeconds) continue;
      copy.add(this.at(index));
      onKept(index);
    }
    return copy;
  }
}

/** Lets timers and input be served first. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
