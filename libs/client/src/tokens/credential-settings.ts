import { fetchableUrl, wrongOption } from '@tessera/token/core';
import type { TesseraClientOptions } from '../client-options.ts';
import type { Credential } from './client-authentication.ts';
import { parsePrivateKey } from './private-key.ts';
import type { ClientTokenOptions, ClientTokenRequest } from './token-provider-options.ts';

/**
 * @returns undefined for options with a source in place of HTTP and no credential
 * @throws TypeError that ends with the fix
 */
export function parseCredential(
  options: TesseraClientOptions,
  tokens: ClientTokenOptions,
  request: ClientTokenRequest,
): Credential | undefined {
  const { secretId, privateKey, assertion, source } = tokens;
  const given = [secretId, privateKey, assertion].filter((credential) => credential !== undefined);
  if (given.length === 0 && source !== undefined) return undefined;
  if (given.length !== 1)
    throw wrongOption(
      'tokens',
      'must have exactly one credential of the client',
      'pass one of secretId, privateKey or assertion',
    );
  if (privateKey !== undefined)
    return { kind: 'key', key: parsePrivateKey(privateKey), issuerOf: issuersOf(options, tokens, request) };
  return secretId === undefined
    ? { kind: 'assertion', read: reader('assertion', assertion) }
    : { kind: 'secret', read: reader('secretId', secretId) };
}

function reader(name: string, value: unknown): Extract<Credential, { kind: 'secret' }>['read'] {
  if (typeof value === 'function') return value as Extract<Credential, { kind: 'secret' }>['read'];
  if (typeof value !== 'string' || value === '')
    throw wrongOption(`tokens.${name}`, 'is neither a non-empty string nor a function', 'pass one of the two');
  return () => value;
}

/**
 * The issuers by their public names, which assertions are made for. Never the address that requests go to, unless nothing else is known: it may be one
 * inside a cluster.
 */
function issuersOf(
  options: TesseraClientOptions,
  { issuer }: ClientTokenOptions,
  { url, tenantId }: ClientTokenRequest,
): (tenantId: string) => string {
  const base = issuer === undefined ? (publicBaseOf(options, tenantId) ?? url) : baseOfIssuer(issuer, tenantId);
  return (tenant) => `${base}/tenants/${tenant}`;
}

function baseOfIssuer(value: unknown, tenantId: string): string {
  // A name, and no address: nothing is fetched there.
  const issuer = fetchableUrl('tokens.issuer', value, true);
  const end = `/tenants/${tenantId}`;
  if (!issuer.endsWith(end))
    throw wrongOption('tokens.issuer', 'is not the issuer of tokens.tenantId', `pass the URL that ends in ${end}`);
  return issuer.slice(0, -end.length);
}

function publicBaseOf(options: TesseraClientOptions, tenantId: string): string | undefined {
  const { baseUrl, issuer } = options as { readonly baseUrl?: string; readonly issuer?: string };
  if (baseUrl !== undefined) return baseUrl;
  const end = `/tenants/${tenantId}`;
  return issuer?.endsWith(end) === true ? issuer.slice(0, -end.length) : undefined;
}
