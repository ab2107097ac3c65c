import type { Command } from 'commander';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../config/config.ts';
import { Secret } from '../../config/secret.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { listenFailure } from '../../http/listen-failure.ts';
import type { Report } from '../../provisioning/apply/apply-plan.ts';
import type { ClientName } from '../../clients/client-secret.store.ts';
import type { TenantsFile } from '../../provisioning/file/tenants-file.ts';
import { parseEmail } from '../../domain/email.ts';
import { applyFile, readFileToApply } from './apply.command.ts';
import { explainError } from '../explain-error.ts';
import { withWritable } from '../installation.ts';
import { printLines, type Terminal } from '../terminal.ts';

const EXAMPLE = fileURLToPath(new URL('../../../examples/acme.yaml', import.meta.url));
const LABEL = 'quickstart';
const READY_WITHIN_MS = 30_000;

export function addQuickstart(program: Command, terminal: Terminal): void {
  program
    .command('quickstart')
    .summary('run a server with an example tenant, to try out')
    .description(
      `Creates the embedded stores, applies examples/acme.yaml, starts the server in this terminal and prints a request ready to paste. Each run replaces the secret of the run before with a new one. Ctrl-C stops the server; the data stays in TESSERA_DATA_DIR.`,
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
  const request = firstRequest(file);
  // Before the apply, which then finds a live secret. So there is at most one quickstart secret, however often this runs.
  const secret = await withWritable(config, ({ clientSecrets }) =>
    clientSecrets.replaceLabelled(request.client, LABEL),
  );
  await apply(config, file, terminal);
  await startServer();
  await waitUntilReady(config);
  printLines(terminal.stdout, describe(config, request, secret));
}

async function apply(config: Config, file: TenantsFile, terminal: Terminal): Promise<void> {
  const report: Report = { changes: [], secrets: [], failures: [] };
  await applyFile(config, file, { prune: false, dangerouslyReplaceLostKeys: false }, report, terminal);
  const [failure] = report.failures;
  if (failure !== undefined) throw new OperatorError(explainError(failure.error));
}

/** Runs the server in this process, so that closing the terminal stops it. Importing the module starts it. */
async function startServer(): Promise<void> {
  await import('../../main.ts');
}

interface FirstRequest {
  readonly client: ClientName;
  readonly email: string;
}

/** Finds a client and a user for which it may request a token, so that an edited example still works. */
function firstRequest({ tenants }: TenantsFile): FirstRequest {
  for (const tenant of tenants) {
    for (const project of tenant.projects) {
      for (const client of project.clients) {
        if (client.policy.kind !== 'confidential' || !client.surfaces.includes('user')) continue;
        const { subjects } = client;
        const user = tenant.users.find(
          ({ email, status }) =>
            status === 'active' && (subjects === 'any' || subjects.domains.includes(parseEmail(email)?.domain ?? '')),
        );
        if (user !== undefined)
          return { client: { tenantId: tenant.id, projectId: project.id, clientId: client.id }, email: user.email };
      }
    }
  }
  throw new OperatorError(
    `${EXAMPLE} has no confidential client of the user surface that may request a token for a user: add one.`,
  );
}

/** Another process that listens there would answer the printed request. */
async function assertPortIsFree({ host, port }: Config): Promise<void> {
  if (port === 0) throw new OperatorError('The quickstart prints an address: set PORT to a fixed port.');
  const server = createServer();
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw listenFailure(error, { host, port }, `choose another port, for example PORT=${port + 1} npm run quickstart`);
  }
  server.close();
  await once(server, 'close');
}

async function waitUntilReady(config: Config): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (performance.now() < deadline) {
    const answer = await fetch(`${addressOf(config)}/readyz`).catch(() => undefined);
    if (answer?.ok === true) return;
    await delay(50);
  }
  throw new OperatorError('The server did not become ready: look at its log above.');
}

function addressOf({ host, port }: Config): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

function describe(config: Config, { client, email }: FirstRequest, secret: Secret): string[] {
  // Shown once, like every new secret.
  const value = Secret.reveal(secret);
  const body = JSON.stringify({
    tenant_id: client.tenantId,
    project_id: client.projectId,
    client_id: client.clientId,
    email_id: email,
    secret_id: value,
  });
  const address = addressOf(config);
  return [
    '',
    config.apiDocs
      ? `Tessera listens on ${address}; its documentation is at ${address}/docs`
      : `Tessera listens on ${address}`,
    `The secret of client ${client.tenantId}/${client.projectId}/${client.clientId}: ${value}`,
    '',
    'A token for a user, ready to paste into another terminal:',
    '',
    `curl -sS ${address}/auth/user/generateToken -H 'content-type: application/json' -d '${body.replaceAll("'", "'\\''")}'`,
    '',
    'Ctrl-C stops the server.',
  ];
}
