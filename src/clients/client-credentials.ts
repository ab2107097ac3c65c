import { isUtf8 } from 'node:buffer';
import { Secret } from '../config/secret.ts';
import { decodeFormText, type FormParameters } from '../domain/text/form-text.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { type ClaimedClient, mayBeSameClient, parseClaimedClient } from './claimed-client.ts';
import { ClientAssertion } from './client-assertion.ts';

export interface PresentedSecret {
  readonly claimed: ClaimedClient;
  readonly method: 'client_secret_basic' | 'client_secret_post';
  readonly credential: Secret;
}

export interface PresentedAssertion {
  readonly claimed: ClaimedClient;
  readonly method: 'client_assertion';
  readonly assertion: ClientAssertion;
}

/** The credentials of a client by one of the methods of the token endpoint. Not verified yet. */
export type PresentedCredentials = PresentedSecret | PresentedAssertion;

// RFC 7617, section 2: one scheme, case-insensitive, and base64. A pattern that also counted the characters in fours would take twice as long.
const BASIC = /^[Bb][Aa][Ss][Ii][Cc] +([A-Za-z0-9+/]+={0,2})$/;
/** The last character before the padding has only bits of the text (RFC 4648, section 3.5), so that each text has one form. */
const LAST_OF_TWO = /[AEIMQUYcgkosw048]=$/;
const LAST_OF_ONE = /[AQgw]==$/;
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;
/** RFC 7523, section 2.2. */
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/**
 * The client's name and credentials: a secret from the header or the form (RFC 6749, section 2.3.1), or an assertion (RFC 7521, section 4.2). A request
 * uses one method (RFC 6749, section 2.3).
 *
 * @throws TesseraError invalid_request for several methods, or an assertion of another type; invalid_client for missing or malformed credentials
 */
export function readClientCredentials(
  authorization: readonly string[] | undefined,
  form: FormParameters,
): PresentedCredentials {
  const id = form.get('client_id');
  const secret = form.get('client_secret');
  const assertion = readAssertion(form);
  if (authorization !== undefined && (secret ?? assertion) !== undefined)
    throw invalid(
      'credentials in the header and in the form',
      'The client authenticates both in the Authorization header and in the form. Use one of the two.',
    );
  if (authorization !== undefined) return fromHeader(authorization, id);
  if (assertion === undefined) return fromForm(id, secret);
  if (secret !== undefined)
    throw invalid(
      'a secret and an assertion',
      'The client authenticates both by client_secret and by client_assertion. Use one of the two.',
    );
  return fromAssertion(assertion, id);
}

/** The text of the assertion; undefined if there is none. */
function readAssertion(form: FormParameters): string | undefined {
  const assertion = form.get('client_assertion');
  const type = form.get('client_assertion_type');
  if (assertion === undefined && type !== undefined)
    throw invalid('an assertion type without an assertion', 'client_assertion is missing.');
  if (assertion !== undefined && type !== JWT_BEARER)
    throw invalid('another assertion type', `client_assertion_type must be ${JWT_BEARER}.`);
  return assertion;
}

function fromForm(id: string | undefined, secret: string | undefined): PresentedSecret {
  if (id === undefined || secret === undefined) throw refused('client: there are no credentials');
  return { claimed: claimedBy(id), method: 'client_secret_post', credential: new Secret(secret) };
}

/** @param repeated a `client_id` in the form: it is not a method of its own, and may repeat the header's client, also in the other form of its name */
function fromHeader(headers: readonly string[], repeated: string | undefined): PresentedSecret {
  const encoded = headers.length === 1 ? BASIC.exec(headers[0] ?? '')?.[1] : undefined;
  const text = encoded === undefined ? undefined : decodeBase64Text(encoded);
  if (text === undefined) throw refused('client: not one Basic header');
  const colon = text.indexOf(':');
  const id = decodeFormText(text.slice(0, Math.max(colon, 0)));
  const secret = decodeFormText(text.slice(colon + 1));
  if (colon === -1 || id === undefined || secret === undefined) throw refused('client: not an id and a secret');
  const claimed = claimedBy(id);
  const other = repeated === undefined ? claimed : parseClaimedClient(repeated);
  if (other === undefined || !mayBeSameClient(claimed, other))
    throw invalid(
      'one client in the header and another in the form',
      'client_id names another client than the Authorization header.',
    );
  // Of the two forms of one name the one with the project.
  return {
    claimed: claimed.projectId === undefined ? other : claimed,
    method: 'client_secret_basic',
    credential: new Secret(secret),
  };
}

/**
 * @param encoded letters of base64, with up to two characters of padding
 * @returns undefined for base64 without its padding or with unused bits, and for bytes that are not UTF-8
 */
function decodeBase64Text(encoded: string): string | undefined {
  if (encoded.length % 4 !== 0) return undefined;
  if (encoded.endsWith('=') && !(encoded.endsWith('==') ? LAST_OF_ONE : LAST_OF_TWO).test(encoded)) return undefined;
  // Each character is a byte. Most credentials are ASCII, for which this is the text already.
  const characters = atob(encoded);
  if (PRINTABLE_ASCII.test(characters)) return characters;
  const bytes = Buffer.from(characters, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

/** RFC 7521, section 4.2: `client_id` is optional, because the assertion's `sub` names the client. The `sub` of a workload is another name. */
function fromAssertion(text: string, id: string | undefined): PresentedAssertion {
  const assertion = ClientAssertion.parse(text);
  const claimed = id === undefined ? assertion.issuingClient : claimedBy(id);
  if (claimed === undefined) throw refused('client: an assertion of another issuer without a client_id');
  return { claimed, method: 'client_assertion', assertion };
}

function claimedBy(id: string): ClaimedClient {
  const claimed = parseClaimedClient(id);
  if (claimed === undefined) throw refused('client: not the id of a client');
  return claimed;
}

function invalid(reason: string, detail: string): TesseraError {
  return new TesseraError('invalid_request', reason, { detail });
}

function refused(reason: string): TesseraError {
  return new TesseraError('invalid_client', reason);
}
