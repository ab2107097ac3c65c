import type { FixedRefusal } from '../../identity-providers/subject-token-refusal.ts';

/** How to mend a refusal, as the end of a sentence. */
export interface Mend {
  /** The row of the comparison that shows what is wrong. */
  readonly row?: string;
  readonly mend: string;
}

const SEND_AS_SENT = 'give the token exactly as the provider sent it';
const ASK_PROVIDER = 'let the provider issue such tokens, or give its ID token';
const NEW_TOKEN = 'give a new token, and compare the clocks of this machine and of the provider';
const CLOCKS = 'set the clock of this machine, or have that of the provider set';

/** The mend for each refusal of a subject token. "The issuer" is its entry in the tenants file. */
export const TOKEN_MENDS: Readonly<Record<FixedRefusal, Mend>> = {
  'it is malformed': { mend: SEND_AS_SENT },
  'its header changes its meaning': { mend: 'let the provider sign without "crit", "b64" and "zip" in the header' },
  'its algorithm proves nothing about who signed': {
    row: 'alg',
    mend: 'let the provider sign with a key pair, such as by RS256, and list that algorithm under "algorithms"',
  },
  'its kid is not a text': { row: 'kid', mend: ASK_PROVIDER },
  'its typ is not a media type': { row: 'typ', mend: ASK_PROVIDER },
  'it has no issuer': { row: 'iss', mend: ASK_PROVIDER },
  'it is one of ours': {
    row: 'iss',
    mend: 'give a token of the identity provider; a token of this service is for the header "Authorization"',
  },
  'this tenant does not trust its issuer': {
    row: 'iss',
    mend: 'give a token of a trusted issuer, or add this issuer to the tenants file if its provider is yours',
  },
  'its issuer is not trusted for this client': {
    mend: 'add the client to "clients" of the issuer, or name another one with --client',
  },
  'its issuer is not trusted for this surface': {
    mend: 'add the surface to "surfaces" of the issuer, or name the other one with --surface',
  },
  'its issuer is not trusted with this algorithm': {
    row: 'alg',
    mend: 'add the algorithm to "algorithms" of the issuer if the provider signs login tokens by it',
  },
  'its issuer is not trusted with tokens of this typ': {
    row: 'typ',
    mend: 'give the ID token, or add this kind to "typ" of the issuer if the provider uses it for login tokens',
  },
  'the key does not confirm its signature': {
    row: 'kid',
    mend: `${SEND_AS_SENT}, or get a new one if the provider has replaced the key of this kid`,
  },
  'it has no subject': { row: 'sub', mend: ASK_PROVIDER },
  'it came from an exchange itself': {
    mend: 'give the token of a login: one with "act" is used by somebody else than its subject',
  },
  'it is a security event': { mend: 'give the ID token: one with "events" is a logout token or another notice' },
  'it is bound to a key': { mend: 'let the provider issue a bearer token: one with "cnf" is for the holder of a key' },
  'its jti is not a text': { mend: ASK_PROVIDER },
  'its audience is missing or not a text': {
    row: 'aud',
    mend: 'let the provider name the audience, or write "audience_claim: client_id" for access tokens that never have one',
  },
  'it is for another audience': {
    row: 'aud',
    mend: 'request the token for an audience of the issuer, or add this one to "audiences" if such tokens are meant for you',
  },
  'it is for several audiences and was asked for by another': {
    row: 'azp',
    mend: 'request the token as one of "audiences", or add each audience of the token to them if all are yours',
  },
  'its azp is not one that the trust lists': {
    row: 'azp',
    mend: 'request the token as a listed party, or add this one to "azp" of the issuer if it may ask for tokens',
  },
  'it has an aud, which its issuer is trusted without': {
    row: 'aud',
    mend: 'give an access token without aud, or write "audience_claim: null" if the tokens of this issuer have one',
  },
  'its client_id is missing or not a text': { row: 'client_id', mend: 'give an access token of the provider' },
  'its client_id is not an audience of the trust': {
    row: 'client_id',
    mend: 'request the token as one of "audiences", or add this client to them if it is yours',
  },
  'the trust has no condition besides its client_id': {
    mend: 'add a condition on another claim to the issuer, such as { token_use: access }',
  },
  'its iat is missing or not a time': { row: 'iat', mend: ASK_PROVIDER },
  'its exp is missing or not a time': { row: 'exp', mend: ASK_PROVIDER },
  'its nbf is not a time': { row: 'nbf', mend: ASK_PROVIDER },
  'it has expired': { row: 'exp', mend: NEW_TOKEN },
  'it was issued in the future': { row: 'iat', mend: CLOCKS },
  'it is not valid yet': { row: 'nbf', mend: CLOCKS },
  'it is older than the trust allows': {
    row: 'iat',
    mend: 'give a new token, or raise "max_age" of the issuer, at most to 24h',
  },
  'its life is longer than the trust allows': {
    row: 'lifetime',
    mend: 'let the provider issue tokens of a shorter life, or raise "max_lifetime" of the issuer, at most to 30d',
  },
  'the trust has no conditions': { mend: 'write the conditions of the issuer in the tenants file, and apply it' },
  'its subject cannot be linked': {
    row: 'sub',
    mend: 'link by another claim, with { match: linked, claim: ... }, that the provider never gives to another account',
  },
  'its e-mail address is not verified': {
    row: 'email_verified',
    mend: 'let the person verify the address at the provider, or link the account with { match: linked }',
  },
  'its email_verified is the text "true", not the boolean: the trust does not say email_verified: text_allowed': {
    row: 'email_verified',
    mend: 'write "email_verified: text_allowed" for this issuer if the provider means the boolean',
  },
  'it has no usable e-mail address': {
    row: 'email',
    mend: 'let the provider put the address of the person into the token, or link the account with { match: linked }',
  },
  'its e-mail domain is not one of the trust': {
    row: 'email',
    mend: 'add the domain to "domains" under "subject" of the issuer if the provider may vouch for its addresses',
  },
  'the trust has a fixed subject without conditions that choose its tokens': {
    mend: 'add a condition on another claim than iss and aud to the issuer, and apply the file',
  },
  'the trust has a fixed subject for more than one surface': {
    mend: 'write one surface under "surfaces" of the issuer, and apply the file',
  },
};

/** For a token that is malformed: by the parser's phrase. */
export const FORM_MENDS: ReadonlyMap<string, Mend> = new Map<string, Mend>([
  ['too long', { row: 'size', mend: 'let the provider put less into the token, such as fewer groups' }],
  ['nested too deeply', { row: 'depth', mend: 'let the provider put flatter claims into the token' }],
  [
    'not three parts',
    { mend: 'give a signed JWT, such as the ID token: an opaque or an encrypted token cannot be exchanged' },
  ],
  [
    'a part is not canonical base64url',
    { mend: `${SEND_AS_SENT}, without "Bearer", quotes and line breaks around it or in it` },
  ],
]);

/** For refusals of the other steps. */
export const STEP_MENDS: ReadonlyMap<string, Mend> = new Map<string, Mend>([
  ['the tenant is suspended', { mend: 'write "status: active" for the tenant if it may have tokens again' }],
  ['bearer: its client is no more', { mend: 'name a client of this tenant with --client' }],
  ['the project is disabled', { mend: 'write "status: active" for the project if it may have tokens again' }],
  ['the client is disabled', { mend: 'write "status: active" for the client if it may have tokens again' }],
  [
    'the issuer has no usable key of this kid and algorithm',
    { row: 'kid', mend: 'get a new token, and see the skipped keys with `tessera issuers check` without --token' },
  ],
  [
    'the client may not use this surface',
    { mend: 'add the surface to "surfaces" of the client, or name another client with --client' },
  ],
  ['the subject is disabled', { mend: 'write "status: active" for the subject if they may have tokens again' }],
  ['the id of the subject is not one that a subject may have', { mend: 'give the subject another id' }],
  ['the user has the id of an administrator', { mend: 'give the user another id' }],
  [
    'the client may not ask for this subject',
    { mend: 'add the domain of the subject to "subjects" of the client, or name another client with --client' },
  ],
  [
    'it is not of the issuer of the workload',
    { row: 'iss', mend: 'give a token of the issuer that "workload" of the client names, or correct that issuer' },
  ],
  ['the credentials have expired', { row: 'exp', mend: NEW_TOKEN }],
]);

/** For failures of a fetch from the provider. A phrase that is not here ends with its mend, after a colon. */
export const FETCH_MENDS: ReadonlyMap<string, string> = new Map([
  ['its certificate has expired', 'have the provider renew it, and compare the clocks'],
  ['its certificate is not valid yet', 'set the clock of this machine'],
  ['its certificate is for another name', 'use the name that the certificate has'],
  ['its certificate is refused', 'have the provider use a certificate for servers of a trusted authority'],
  ['it makes no TLS connection', 'use the port on which the provider speaks TLS 1.2 or later'],
  ['its name does not resolve', 'correct the name, or the resolver of this machine'],
  ['it refuses the connection', 'correct the port, or let the firewall pass it'],
  ['no network leads to it', 'correct the route, or set HTTPS_PROXY'],
  ['no answer in time', 'let the firewall pass the connection, or make the provider answer faster'],
  ['no usable answer', 'try again, and look at the log of the provider'],
  ['a redirect', 'write the URL that it redirects to'],
  ['an error status', 'correct the issuer or its jwks_uri: there is no such document'],
  ['an answer that is not JSON', 'correct the issuer or its jwks_uri: a page for people answers'],
  ['an answer that is not strict JSON', 'correct the issuer or its jwks_uri, or have the provider mend its document'],
  ['an answer in another encoding', 'have the provider answer without compression where none is accepted'],
  ['an answer over 256 KiB', 'correct the issuer or its jwks_uri: this is no key set'],
  [
    'its URL may not be fetched',
    'list its host in TESSERA_FEDERATION_PRIVATE_HOSTS if it is in your own network, and use https',
  ],
  [
    'the host has an address that may not be reached: it is listed as private, but its address is neither private nor public',
    'correct the address that its name resolves to',
  ],
  [
    'the proxy of HTTPS_PROXY refuses its user and password, or needs them',
    'correct the user and the password in HTTPS_PROXY',
  ],
  ['the proxy of HTTPS_PROXY does not reach the host', 'look at the log of the proxy'],
  [
    'the proxy of HTTPS_PROXY refuses a connection to the host',
    'let the proxy pass the host, or list it in NO_PROXY if it is reached without the proxy',
  ],
  ['it names another issuer', 'write the issuer that the provider names if it is yours, with or without its slash'],
  ['it names no keys', 'write jwks_uri with the URL of the keys of the provider'],
  ['not a metadata document', 'correct the issuer, or write jwks_uri with the URL of the keys of the provider'],
  [
    'the URL of its keys may not be fetched',
    'have the provider name an https URL, or write jwks_uri with one that may be fetched',
  ],
  [
    'its keys are at another host, which the trust must name as jwks_uri',
    'write jwks_uri with the URL of the keys that the provider documents',
  ],
  ['the answer is not a key set', 'write jwks_uri with the URL of the keys of the provider'],
  ['the key set has over 100 keys', 'have the provider withdraw old keys'],
  ['the key set holds a private key', 'have the provider replace the key, which everybody knows now'],
  ['its keys are to be fetched for this kid', 'run the command again'],
]);
