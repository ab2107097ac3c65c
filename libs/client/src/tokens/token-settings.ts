import { fetchableUrl, wrongOption } from '@tessera/token/core';
import type { TesseraClientOptions } from '../client-options.ts';
import type { TokenProviderOptions, TokenRequest } from './token-provider-options.ts';

/** `tokens` of the module's options, checked and with all defaults. */
export interface TokenSettings {
  readonly request: TokenRequest;
  readonly secretId: TokenProviderOptions['secretId'];
  readonly source: TokenProviderOptions['source'];
  readonly refreshBeforeMs: number;
  readonly timeoutMs: number;
  readonly maxTries: number;
  readonly maxCached: number;
}

/** @throws TypeError that ends with the fix */
export function parseTokenSettings(options: TesseraClientOptions): TokenSettings | undefined {
  const { tokens } = options;
  if (tokens === undefined) return undefined;
  const request: TokenRequest = {
    url: baseUrl(options, tokens),
    surface: tokens.surface ?? 'user',
    tenantId: text('tenantId', tokens.tenantId),
    projectId: text('projectId', tokens.projectId),
    clientId: text('clientId', tokens.clientId),
    emailId: text('emailId', tokens.emailId),
  };
  // The surface becomes a part of the path.
  if (!['admin', 'user'].includes(request.surface))
    throw wrongOption('tokens.surface', 'is not one of the choices', 'use admin or user');
  return {
    request,
    secretId: tokens.secretId,
    source: tokens.source,
    refreshBeforeMs: number('refreshBeforeSeconds', tokens.refreshBeforeSeconds, 60, 0) * 1_000,
    timeoutMs: number('timeoutMilliseconds', tokens.timeoutMilliseconds, 5_000, 1),
    maxTries: number('maxTries', tokens.maxTries, 3, 1),
    maxCached: number('maxCached', tokens.maxCached, 1_000, 1),
  };
}

function baseUrl(options: TesseraClientOptions, { url, source }: TokenProviderOptions): string {
  const base = url ?? options.fetchBaseUrl ?? ('baseUrl' in options ? options.baseUrl : undefined);
  if (base !== undefined) return fetchableUrl('tokens.url', base, options.dangerouslyAllowPlainHttp ?? false);
  if (source !== undefined) return '';
  throw wrongOption('tokens.url', 'is missing', "pass the base URL of Tessera, e.g. 'https://tessera.example'");
}

function text(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '')
    throw wrongOption(`tokens.${name}`, 'is not a non-empty string', 'pass who asks for whom');
  return value;
}

function number(name: string, value: unknown, byDefault: number, least: number): number {
  if (value === undefined) return byDefault;
  if (typeof value !== 'number' || !(value >= least && value <= Number.MAX_SAFE_INTEGER))
    throw wrongOption(`tokens.${name}`, 'is out of range', `pass a number from ${least}`);
  return value;
}
