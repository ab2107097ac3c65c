import type { Revocation, RevocationKind } from './revocation.ts';
import { RevocationColumns } from './revocation-columns.ts';
import type { VerifiedToken } from '../verify/verified-token.ts';

/** The parts of a token that a revocation can name. */
export type RevocableToken = Pick<
  VerifiedToken,
  'issuer' | 'tokenId' | 'subject' | 'clientId' | 'keyId' | 'issuedAt' | 'actor' | 'root'
>;

/** Rows to copy before other work runs. They take well below a millisecond. */
const ROWS_A_TURN = 2_000;

/** Revocations in the order in which they were added. A token is looked up by itself, by its root, and by every actor in its `act` chain. */
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

  /** Makes one entry hit nothing. `copyOf` frees its memory. */
  drop(index: number): void {
    this.#rows.void(index);
  }

  /** A number that entries can be compared by. Undefined if no entry is of that issuer. */
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
    if (token.root !== undefined && (has('chain', token.root) || has('chain', '*'))) return true;
    // A revoked subject must not keep a token that it obtained by exchange, so every actor of the chain is checked (RFC 8693, section 4.1).
    for (let { actor } = token; actor !== undefined; actor = actor.act)
      if (has('subject', actor.sub) || (actor.client_id !== undefined && has('client', actor.client_id))) return true;
    return false;
  }

  /** How many entries have expired or were dropped. */
  countDead(nowSeconds: number): number {
    let dead = 0;
    for (let index = 0; index < this.size; index++) if (this.untilOf(index) < nowSeconds) dead++;
    return dead;
  }

  /**
   * Copies the list without expired and dropped entries. Copies in pieces, so that a long list does not block other work. Add nothing until it is
   * done.
   *
   * @param onKept called for each kept entry, in order
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

/** Yields to timers and I/O. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
