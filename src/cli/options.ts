import { InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../provisioning/file/duration.ts';
import type { ClientName } from '../clients/client-secret.store.ts';
import { parseClientId, parseProjectId, parseTenantId } from '../domain/ids.ts';

/** `--output`: with `json`, standard output holds JSON and nothing else. */
export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text');
}

export function durationArgument(text: string): number {
  const seconds = parseDuration(text);
  if (seconds === undefined)
    throw new InvalidArgumentError('Write a duration such as 90s, 15m, 24h or 90d, at most 36500d.');
  return seconds;
}

export function labelArgument(text: string): string {
  if (!/^[\x20-\x7e]{1,100}$/.test(text)) throw new InvalidArgumentError('Write 1 to 100 printable ASCII characters.');
  return text;
}

export function tenantArgument(text: string): string {
  const id = parseTenantId(text);
  if (id === undefined) throw new InvalidArgumentError('Write the id of a tenant, such as acme.');
  return id;
}

/** Parses a client's name as `apply` prints it: `tenant/project/client`. */
export function clientArgument(text: string): ClientName {
  const [tenant, project, client, ...rest] = text.split('/');
  const tenantId = parseTenantId(tenant);
  const projectId = parseProjectId(project);
  const clientId = parseClientId(client);
  if (tenantId === undefined || projectId === undefined || clientId === undefined || rest.length > 0)
    throw new InvalidArgumentError('Write tenant/project/client, such as acme/shop/web.');
  return { tenantId, projectId, clientId };
}
