/** A failure that this folder finds itself. Its message is a fixed phrase, without the URL or anything that the host sent. */
export class FetchFailure extends Error {
  constructor(phrase: string) {
    super(phrase);
    this.name = 'FetchFailure';
  }
}

/** Says in a fixed phrase why a fetch failed. Errors of the platform contain the URL, the peer's address and its certificate, so none is shown. */
export function describeFetchFailure(error: unknown): string {
  if (error instanceof FetchFailure) return error.message;
  const code = codeOf(error);
  const phrase = PHRASES.get(code);
  if (phrase !== undefined) return phrase;
  // OpenSSL's reasons differ by its version. They mean that the other side speaks no TLS, or none that is safe.
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO') return 'it makes no TLS connection';
  return NO_USABLE_ANSWER;
}

const NO_USABLE_ANSWER = 'no usable answer';
const UNKNOWN_AUTHORITY =
  'its certificate is of an unknown authority: name the file of the authority in NODE_EXTRA_CA_CERTS and start again';

const PHRASES: ReadonlyMap<string, string> = new Map([
  // Node.js, "X509 certificate error codes".
  ['UNABLE_TO_GET_ISSUER_CERT', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', UNKNOWN_AUTHORITY],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', UNKNOWN_AUTHORITY],
  ['SELF_SIGNED_CERT_IN_CHAIN', UNKNOWN_AUTHORITY],
  ['CERT_UNTRUSTED', UNKNOWN_AUTHORITY],
  // An authority of the same name with another key, such as a renewed one.
  ['CERT_SIGNATURE_FAILURE', UNKNOWN_AUTHORITY],
  ['CERT_HAS_EXPIRED', 'its certificate has expired'],
  ['CERT_NOT_YET_VALID', 'its certificate is not valid yet'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for another name'],
  ['CERT_REVOKED', 'its certificate is refused'],
  ['CERT_REJECTED', 'its certificate is refused'],
  ['CERT_CHAIN_TOO_LONG', 'its certificate is refused'],
  ['INVALID_CA', 'its certificate is refused'],
  ['INVALID_PURPOSE', 'its certificate is refused'],
  ['PATH_LENGTH_EXCEEDED', 'its certificate is refused'],
  ['ENOTFOUND', 'its name does not resolve'],
  ['EAI_AGAIN', 'its name does not resolve'],
  ['ECONNREFUSED', 'it refuses the connection'],
  ['EHOSTUNREACH', 'no network leads to it'],
  ['ENETUNREACH', 'no network leads to it'],
  ['EADDRNOTAVAIL', 'no network leads to it'],
  ['EACCES', 'no network leads to it'],
  ['EPERM', 'no network leads to it'],
  ['ETIMEDOUT', 'no answer in time'],
  ['UND_ERR_CONNECT_TIMEOUT', 'no answer in time'],
  ['UND_ERR_HEADERS_TIMEOUT', 'no answer in time'],
  ['UND_ERR_BODY_TIMEOUT', 'no answer in time'],
]);

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
