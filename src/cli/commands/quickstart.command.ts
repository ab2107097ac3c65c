import type { Command } from 'commander';
import { join, relative } from 'node:path';
import { type ClientName, nameOf } from '../../clients/client-secret.store.ts';
import type { Config } from '../../config/config.ts';
import { INSTALLATION_FOLDER } from '../../config/installation-folder.ts';
import { isProduction, setForServer } from '../../config/process-environment.ts';
import { Secret } from '../../config/secret.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import type { Report } from '../../provisioning/apply/apply-plan.ts';
import type { PartialTenant } from '../../provisioning/file/partial-tenants-file.ts';
import type { TenantSpec } from '../../provisioning/file/tenants-file.ts';
import { completeTenant } from '../../provisioning/plan/complete-tenant.ts';
import { explainError } from '../explain-error.ts';
import { withWritable } from '../installation.ts';
import { assertPortIsFree, isReachedAtPublicUrl, waitUntilReady } from '../quickstart/address.ts';
import { countDifferences, createTenants, readExisting } from '../quickstart/example-tenants.ts';
import { findFirstRequest, type FirstRequest } from '../quickstart/first-request.ts';
import { startToyProvider, type ToyProvider } from '../quickstart/toy-provider.ts';
import { toyPort, trustsToy, withToyTrust } from '../quickstart/toy-trust.ts';
import { printLines, printText, type Terminal } from '../terminal.ts';
import { readFileToApply } from '../apply/read-file.ts';

const EXAMPLE = join(INSTALLATION_FOLDER, 'examples', 'acme.yaml');
const LABEL = 'quickstart';
/** How a reader of the README runs a command. */
const TESSERA = 'node dist/cli.js';

export function addQuickstart(program: Command, terminal: Terminal): void {
  program
    .command('quickstart')
    .summary('run a server with an example tenant, to try out')
    .description(
      `Creates the embedded stores and the tenants of examples/acme.yaml, starts the server in this terminal and prints a request ready to paste. Tenants that exist already are not changed. Each run replaces the secret of the run before with a new one. Ctrl-C stops the server; the data stays in TESSERA_DATA_DIR.`,
    )
    .addHelpText('after', '\nExamples:\n  $ npm run quickstart\n  $ PORT=3001 npm run quickstart')
    .action(() => runQuickstart(terminal));
}

async function runQuickstart(terminal: Terminal): Promise<void> {
  const config = terminal.loadConfig();
  if (config.controlDatabase.driver !== 'sqlite' || config.vault.kind !== 'embedded')
    throw new OperatorError(
      'The quickstart is for the embedded stores: unset DATABASE_URL and VAULT_ADDR, or use `tessera apply` instead.',
    );
  await assertPortIsFree(config);
  const file = await readFileToApply(EXAMPLE, config, terminal);
  const existing = new Map((await readExisting(config, file)).map((tenant) => [tenant.id, tenant]));
  const missing = file.tenants.filter(({ id }) => !existing.has(id));

  const request = findFirstRequest(
    file.tenants.flatMap((tenant) => {
      const whole = existing.get(tenant.id) ?? completeTenant(tenant);
      return 'conflicts' in whole ? [] : [whole];
    }),
  );
  // Before the tenants are created, which then finds a live secret. So there is at most one quickstart secret, however often this runs.
  const secret = request && (await makeSecret(config, request.client, terminal));
  const toy = request && (await offerToy(config, existing.get(request.client.tenantId)));
  const isReplaced = request !== undefined && secret !== undefined && existing.has(request.client.tenantId);
  const otherSecrets = missing.length === 0 ? [] : await createTenants(config, missing, terminal);
  if (toy !== undefined && request !== undefined && !existing.has(request.client.tenantId))
    await trustToy(toy, request, config, terminal);
  printLines(terminal.stdout, [
    ...describeCreated(missing, config),
    ...(await describeKept(
      config,
      file.tenants.filter(({ id }) => existing.has(id)),
    )),
    ...(isReplaced ? ['A secret that an earlier quickstart printed is no longer valid: a new one follows.'] : []),
    ...describeSecrets(otherSecrets),
  ]);

  await startServer(toy === undefined ? config : allowing(toy, config));
  const isReached = await checkServer(config, (file.tenants[0] as PartialTenant).id, terminal);
  printLines(terminal.stdout, [
    '',
    ...describeAddress(config, isReached),
    ...(request === undefined ? [NO_REQUEST] : describeRequest(config, request, secret)),
    ...(request === undefined || toy === undefined ? [] : describeExchange(config, request, secret, toy)),
    '',
    'Ctrl-C stops the server.',
  ]);
}

/** Of a secret that is not shown again. */
const PLACEHOLDER = '<secret>';

const NO_REQUEST =
  'No active confidential client may request a token for a user of the example, so there is no request to show.';

function makeSecret(config: Config, client: ClientName, terminal: Terminal): Promise<Secret | undefined> {
  const changes = [{ action: 'create', kind: 'secret', id: nameOf(client) }] as const;
  return withWritable(config, terminal, [{ tenantId: client.tenantId, changes }], async (stores) => {
    const secret = await stores.clientSecrets.replaceLabelled(client, LABEL);
    if (secret !== undefined) stores.changes.note(client.tenantId, changes);
    return secret;
  });
}

/**
 * The toy identity provider, for a tenant that this quickstart creates or an earlier one made trust it. A tenant of somebody's own is never made to
 * trust it: whoever reaches loopback could be anyone there.
 */
async function offerToy(config: Config, existing: TenantSpec | undefined): Promise<ToyProvider | undefined> {
  const port = toyPort(config);
  if (isProduction() || port === undefined) return undefined;
  if (existing !== undefined && !trustsToy(existing, port)) return undefined;
  return startToyProvider(port);
}

async function trustToy(toy: ToyProvider, request: FirstRequest, config: Config, terminal: Terminal): Promise<void> {
  const allowed = allowing(toy, config);
  await createTenants(allowed, [withToyTrust(request, allowed, toy)], terminal);
}

/** Only this process may fetch from the toy provider: any other server refuses an issuer on loopback. */
function allowing({ hostPort }: ToyProvider, config: Config): Config {
  return { ...config, federationAllowedHosts: [...config.federationAllowedHosts, hostPort] };
}

/** Runs the server in this process, so that closing the terminal stops it. Importing the module starts it, with the settings of the environment. */
async function startServer({ federationAllowedHosts }: Config): Promise<void> {
  setForServer({ TESSERA_FEDERATION_ALLOWED_HOSTS: federationAllowedHosts.join(',') });
  await import('../../main.ts');
}

async function checkServer(config: Config, tenantId: string, terminal: Terminal): Promise<boolean> {
  try {
    await waitUntilReady(config);
    return await isReachedAtPublicUrl(config, tenantId);
  } catch (error) {
    printText(terminal.stderr, explainError(error));
    // The server keeps this process alive, so returning an exit code would not end it.
    process.exit(1);
  }
}

function describeCreated(created: readonly PartialTenant[], { dataDirectory }: Config): string[] {
  return created.map(({ id }) => `Created tenant ${id} from ${shortPath(EXAMPLE)}, in ${shortPath(dataDirectory)}.`);
}

/** The person may have changed the tenant, so it is not reset. The person may also have edited the file and expect to see it. */
async function describeKept(config: Config, tenants: readonly PartialTenant[]): Promise<string[]> {
  const lines = await Promise.all(
    tenants.map(async (tenant) => {
      const differences = await countDifferences(config, [tenant]);
      const kept = `Tenant ${tenant.id} exists already in ${shortPath(config.dataDirectory)} and was not changed.`;
      if (differences === 0) return [kept];
      const count = differences === undefined ? '' : ` in ${differences} place${differences === 1 ? '' : 's'}`;
      const command = `${TESSERA} apply -f ${shortPath(EXAMPLE)}`;
      return [
        kept,
        `It differs from ${shortPath(EXAMPLE)}${count}. \`${command} --dry-run\` shows where; \`${command}\` makes it the same.`,
      ];
    }),
  );
  return lines.flat();
}

function describeSecrets(secrets: Report['secrets']): string[] {
  // Shown once, like every new secret.
  return secrets.map(({ client, secret }) => `The secret of client ${nameOf(client)}: ${Secret.reveal(secret)}`);
}

function describeAddress({ publicUrl, apiDocs }: Config, isReached: boolean): string[] {
  return [
    apiDocs
      ? `Tessera listens on ${publicUrl}; its documentation is at ${publicUrl}/docs`
      : `Tessera listens on ${publicUrl}`,
    ...(isReached ? [] : [`Nobody answers at that address (PUBLIC_URL) from this machine.`]),
  ];
}

/** @param secret undefined if the client has two others */
function describeRequest({ publicUrl }: Config, { client, email }: FirstRequest, secret: Secret | undefined): string[] {
  const name = nameOf(client);
  // Shown once, like every new secret.
  const value = secret === undefined ? PLACEHOLDER : Secret.reveal(secret);
  return [
    ...(secret === undefined
      ? [
          `Client ${name} has two live secrets of yours, so no third was made: put one of them in place of <secret>.`,
          `Is it lost? \`${TESSERA} secrets list ${name}\` shows the ids, \`${TESSERA} secrets retire ${name} ID\` retires one; then start again.`,
        ]
      : [`The secret of client ${name}: ${value}`]),
    '',
    'A token for a user, ready to paste into another terminal:',
    '',
    generateToken(publicUrl, { client, email }, secret),
  ];
}

/** Its first line gets the bearer that the second one sends. */
function describeExchange(
  { publicUrl }: Config,
  request: FirstRequest,
  secret: Secret | undefined,
  toy: ToyProvider,
): string[] {
  return [
    '',
    `A toy identity provider listens on ${toy.issuer}. It confirms any address to anybody on this machine. Tenant ${request.client.tenantId} trusts it; only a quickstart runs it.`,
    'Its token for the user, exchanged for one of Tessera:',
    '',
    `BEARER=$(${generateToken(publicUrl, request, secret)} | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`,
    `curl -sS ${publicUrl}/auth/user/oidcToken -H "Authorization: Bearer $BEARER" -H 'content-type: application/json' -d '{"oidc_token":"'"$(curl -sS '${toy.tokenUrl(request.email)}')"'"}'`,
    '',
    `For the documentation's form, open ${toy.tokenUrl(request.email)} and paste what it shows as oidc_token.`,
  ];
}

function generateToken(publicUrl: string, { client, email }: FirstRequest, secret: Secret | undefined): string {
  const body = JSON.stringify({
    tenant_id: client.tenantId,
    project_id: client.projectId,
    client_id: client.clientId,
    email_id: email,
    secret_id: secret === undefined ? PLACEHOLDER : Secret.reveal(secret),
  });
  return `curl -sS ${publicUrl}/auth/user/generateToken -H 'content-type: application/json' -d '${body.replaceAll("'", "'\\''")}'`;
}

/** As a person types it: relative to the current folder, if it is in it. */
function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}
