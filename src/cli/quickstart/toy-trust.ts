import { nameOf } from '../../clients/client-secret.store.ts';
import type { Config } from '../../config/config.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { parseEmail } from '../../domain/email.ts';
import type { PartialTenant } from '../../provisioning/file/partial-tenants-file.ts';
import { API_VERSION, readTenantsFile } from '../../provisioning/file/read-tenants-file.ts';
import type { TenantSpec } from '../../provisioning/file/tenants-file.ts';
import type { FirstRequest } from './first-request.ts';
import { TOY_AUDIENCE, type ToyProvider, toyIssuer } from './toy-provider.ts';

/** The id of the trusted issuer. */
const TOY = 'toy';

/**
 * The toy provider's port, beside the server's. The same for each run on one port, because the trust names it.
 *
 * @returns undefined if there is none
 */
export function toyPort({ port }: Config): number | undefined {
  return port < 65_535 ? port + 1 : undefined;
}

/** Whether the tenant trusts the toy provider of this port, as an earlier quickstart has arranged. */
export function trustsToy({ issuers }: TenantSpec, port: number): boolean {
  return issuers.some(({ id, issuer }) => id === TOY && issuer === toyIssuer(port));
}

/** The tenant of the request, with trust in the toy provider for the client of the request and for the domain of its user. */
export function withToyTrust(
  { client, email }: FirstRequest,
  config: Config,
  { issuer: url }: ToyProvider,
): PartialTenant {
  const issuer = {
    id: TOY,
    issuer: url,
    audiences: [TOY_AUDIENCE],
    algorithms: ['ES256'],
    conditions: 'none',
    subject: { match: 'email', domains: [parseEmail(email)?.domain] },
    clients: [client.clientId],
    surfaces: ['user'],
  };
  // JSON is YAML.
  const text = JSON.stringify({ apiVersion: API_VERSION, tenants: [{ id: client.tenantId, issuers: [issuer] }] });
  const result = readTenantsFile(Buffer.from(text), config);
  const tenant = 'file' in result ? result.file.tenants[0] : undefined;
  if (tenant === undefined)
    throw new OperatorError(`The toy identity provider cannot be trusted for ${nameOf(client)}.`);
  return tenant;
}
