import { isLoopbackHost } from '../../domain/networks.ts';

export interface MysqlTls {
  readonly ssl?: { readonly minVersion: 'TLSv1.2'; readonly rejectUnauthorized: true; readonly verifyIdentity: true };
}

/**
 * The TLS options of a connection. Tokens are made from the grants in a tenant's database, so an attacker who changes them on the network controls
 * the tokens. A database on another machine therefore needs TLS with a verified certificate and name, by the system's authorities and those of
 * NODE_EXTRA_CA_CERTS, unless the operator sets TESSERA_DANGEROUSLY_ALLOW_PLAINTEXT_DATABASE.
 */
export function mysqlTls(host: string, dangerouslyAllowPlaintext: boolean): MysqlTls {
  if (dangerouslyAllowPlaintext || isLoopbackHost(host)) return {};
  return { ssl: { minVersion: 'TLSv1.2', rejectUnauthorized: true, verifyIdentity: true } };
}
