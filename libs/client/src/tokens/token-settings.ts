import { fetchableUrl, wrongOption } from '@tessera/token/core';
import type { TesseraClientOptions } from '../client-options.ts';
import type { Credential } from './client-authentication.ts';
import { demandClientName } from './client-name.ts';
import { parseCredential } from './credential-settings.ts';
import { definedOf } from './defined-members.ts';
import { demandOtherGrantOf, demandText, demandTextIfAny } from './grant-options.ts';
import type {
  ClientReference,
  ClientTokenOptions,
  ClientTokenRequest,
  PersonTokenOptions,
  TokenProviderOptions,
  TokenRequest,
} from './token-provider-options.ts';

/** `tokens` of the module's options, checked and with all defaults. */
export type TokenSettings = CommonTokenSettings & (PersonTokenSettings | ClientTokenSettings);

export interface CommonTokenSettings {
  /** For the token endpoint. Undefined: the client cannot authenticate there. */
  readonly credential: Credential | undefined;
  readonly exchangeSource: TokenProviderOptions['exchangeSource'];
  readonly isHttpAllowed: boolean;
  readonly refreshBeforeMs: number;
  readonly timeoutMs: number;
  readonly maxTries: number;
  readonly maxCached: number;
}

/** The grant of `get`: tokens of a person. */
export interface PersonTokenSettings {
  readonly grant: 'person';
  readonly request: TokenRequest;
  readonly secretId: PersonTokenOptions['secretId'];
  readonly source: PersonTokenOptions['source'];
}

/** The grant of `get`: tokens of the client itself. */
export interface ClientTokenSettings {
  readonly grant: 'client';
  readonly request: ClientTokenRequest;
  readonly source: ClientTokenOptions['source'];
}

/** @throws TypeError that ends with the fix */
export function parseTokenSettings(options: TesseraClientOptions): TokenSettings | undefined {
  const { tokens } = options;
  if (tokens === undefined) return undefined;
  return {
    ...(tokens.grant === undefined ? personSettings(options, tokens) : clientSettings(options, tokens)),
    exchangeSource: tokens.exchangeSource,
    isHttpAllowed: options.dangerouslyAllowPlainHttp ?? false,
    refreshBeforeMs: number('refreshBeforeSeconds', tokens.refreshBeforeSeconds, 60, 0) * 1_000,
    timeoutMs: number('timeoutMilliseconds', tokens.timeoutMilliseconds, 5_000, 1),
    maxTries: number('maxTries', tokens.maxTries, 3, 1),
    maxCached: number('maxCached', tokens.maxCached, 1_000, 1),
  };
}

/** @throws TypeError that ends with the fix */
export function demandCredential({ credential }: CommonTokenSettings): Credential {
  if (credential === undefined)
    throw wrongOption('tokens', 'has no credential of the client', 'pass secretId, privateKey or assertion');
  return credential;
}

function personSettings(
  options: TesseraClientOptions,
  tokens: PersonTokenOptions,
): PersonTokenSettings & Pick<CommonTokenSettings, 'credential'> {
  demandOtherGrantOf(tokens, undefined);
  const request: TokenRequest = {
    url: baseUrl(options, tokens),
    surface: tokens.surface ?? 'user',
    tenantId: demandText('tenantId', tokens.tenantId),
    projectId: demandText('projectId', tokens.projectId),
    clientId: demandText('clientId', tokens.clientId),
    emailId: demandText('emailId', tokens.emailId),
  };
  // The surface becomes a part of the path.
  if (!['admin', 'user'].includes(request.surface))
    throw wrongOption('tokens.surface', 'is not one of the choices', 'use admin or user');
  const { secretId, source } = tokens;
  const read =
    typeof secretId === 'function' ? (client: ClientReference) => secretId({ ...request, ...client }) : () => secretId;
  const credential: Credential | undefined = secretId === undefined ? undefined : { kind: 'secret', read };
  return { grant: 'person', request, secretId, source, credential };
}

function clientSettings(
  options: TesseraClientOptions,
  tokens: ClientTokenOptions,
): ClientTokenSettings & Pick<CommonTokenSettings, 'credential'> {
  demandOtherGrantOf(tokens, tokens.grant);
  const { audience, scope, source } = tokens;
  const request: ClientTokenRequest = {
    url: baseUrl(options, tokens),
    tenantId: demandText('tenantId', tokens.tenantId),
    projectId: demandText('projectId', tokens.projectId),
    clientId: demandText('clientId', tokens.clientId),
    ...definedOf({ audience, scope }),
  };
  demandTextIfAny('tokens.audience', audience);
  demandTextIfAny('tokens.scope', scope);
  demandClientName(request);
  return { grant: 'client', request, source, credential: parseCredential(options, tokens, request) };
}

function baseUrl(options: TesseraClientOptions, { url, source }: TokenProviderOptions): string {
  const base = url ?? options.fetchBaseUrl ?? ('baseUrl' in options ? options.baseUrl : undefined);
  if (base !== undefined) return fetchableUrl('tokens.url', base, options.dangerouslyAllowPlainHttp ?? false);
  if (source !== undefined) return '';
  throw wrongOption('tokens.url', 'is missing', "pass the base URL of Tessera, e.g. 'https://tessera.example'");
}

function number(name: string, value: unknown, byDefault: number, least: number): number {
  if (value === undefined) return byDefault;
  if (typeof value !== 'number' || !(value >= least && value <= Number.MAX_SAFE_INTEGER))
    throw wrongOption(`tokens.${name}`, 'is out of range', `pass a number from ${least}`);
  return value;
}
