import { isLoopbackHost } from '../../domain/networks.ts';

export interface MysqlTls {
  readonly ssl?: { readonly minVersion: 'TLSv1.2'; readonly rejectUnauthorized: true; readonly verifyIdentity: true };
}

/**
 * Grants are the tenant's word on what its users may do: whoever can change them on their way makes tokens. So every database that is
 * not on this machine is reached over TLS, its certificate checked against its name and the system's authorities (and those of
 * NODE_EXTRA_CA_CERTS), unless the operator says otherwise in a long word.
 */
export function mysqlTls(host: string, dangerouslyAllowPlaintext: boolean): MysqlTls {
  if (dangerouslyAllowPlaintext || isLoopbackHost(host)) return {};
  return { ssl: { minVersion: 'TLSv1.2', rejectUnauthorized: true, verifyIdentity: true } };
}
