import { decodeUnverified, type TokenError, type TokenVerifier } from '@tessera/token';
import { trustedIssuersOf } from '@tessera/token/core';

const LONGEST_ISSUER = 200;
const MOST_ISSUERS = 10;

/**
 * The line for the log about a refused token. An untrusted issuer is named: `127.0.0.1` in place of `localhost` is a frequent mistake, and nothing else
 * shows it.
 */
export function refusalLine({ code, reason }: TokenError, token: string | undefined, verifier: TokenVerifier): string {
  const line = `${code}: ${reason}`;
  if (code !== 'TOKEN_ISSUER_UNTRUSTED' || token === undefined) return line;
  const trusted = trustedIssuersOf(verifier);
  const names = trusted.slice(0, MOST_ISSUERS).map(quote).join(', ');
  const rest = trusted.length > MOST_ISSUERS ? ` and ${trusted.length - MOST_ISSUERS} more` : '';
  return `${line}: the token names ${quote(issuerIn(token))}${names === '' ? '' : `; trusted: ${names}${rest}`}`;
}

/** Not verified: anybody can write it. */
function issuerIn(token: string): unknown {
  try {
    return decodeUnverified(token).claims.iss;
  } catch {
    return undefined;
  }
}

/** Bounded, and nothing but printable ASCII, so that a token cannot write lines of the log. */
function quote(issuer: unknown): string {
  if (typeof issuer !== 'string') return 'no issuer';
  const isLong = issuer.length > LONGEST_ISSUER;
  const text = JSON.stringify(isLong ? issuer.slice(0, LONGEST_ISSUER) : issuer).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return isLong ? `${text} (shortened)` : text;
}
