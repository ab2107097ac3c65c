import type { Command } from 'commander';
import type { RecordedChange } from '../../audit/changes/change-subjects.ts';
import { HAND_PLACED_ID } from '../../clients/client-secrets.ts';
import type { Config } from '../../config/config.ts';
import { Secret } from '../../config/secret.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { type ClientName, nameOf } from '../../clients/client-secret.store.ts';
import { SecretUseEntity } from '../../control-plane/entities/secret-use.entity.ts';
import { allClients } from '../../tenancy/all-clients.ts';
import type { Client } from '../../tenancy/tenant.ts';
import { SecretUses } from '../../clients/secret-uses.ts';
import { epochSeconds } from '../../domain/clock.ts';
import { announce, findTenant, type Installation, SILENT, withReadOnly, withWritable } from '../installation.ts';
import { clientArgument, durationArgument, labelArgument, outputOption } from '../options.ts';
import { instant, type OutputFormat, printJson, printLines, table, type Terminal } from '../terminal.ts';

interface Output {
  readonly output: OutputFormat;
}

export function addSecrets(program: Command, terminal: Terminal): void {
  const secrets = program
    .command('secrets')
    .summary("a client's secrets")
    .description(
      `A client's secrets. Two may be live at once, so that a client can change its secret without an outage: add a new one, give it to the client, check that the old one is no longer used, then retire it.`,
    );
  secrets
    .command('list')
    .summary('show ids, ages, expiry and last use')
    .description(
      `Shows the secrets of a client by their ids; the secrets themselves are stored nowhere. "${HAND_PLACED_ID}" is a secret that an operator wrote to Vault. The last use may be up to 10 s out of date.`,
    )
    .argument('<client>', 'tenant/project/client', clientArgument)
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ tessera secrets list acme/shop/web')
    .action((client: ClientName, options: Output) => runList(client, options, terminal));
  secrets
    .command('add')
    .summary('make a new secret and show it once')
    .description(
      'Makes a new secret and shows it once: store it where the client reads it. The old one stays valid until it is retired.',
    )
    .argument('<client>', 'tenant/project/client', clientArgument)
    .option('--expires-in <duration>', 'the secret expires after that time', durationArgument)
    .option('--label <text>', 'a note for `tessera secrets list`', labelArgument)
    .addOption(outputOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ tessera secrets add acme/shop/web\n  $ tessera secrets add acme/shop/web --expires-in 90d --label "rotation in May"',
    )
    .action((client: ClientName, options: Output & { expiresIn?: number; label?: string }) =>
      runAdd(client, options, terminal),
    );
  secrets
    .command('retire')
    .summary('retire a secret, now or later')
    .description('Retires a secret, now or later. Retiring the last live one is refused: add another first.')
    .argument('<client>', 'tenant/project/client', clientArgument)
    .argument('<id>', 'id of the secret, see `tessera secrets list`')
    .option('--in <duration>', 'retire it after that time instead of now', durationArgument)
    .addHelpText(
      'after',
      '\nExamples:\n  $ tessera secrets retire acme/shop/web 3f9c0a51b2d4\n  $ tessera secrets retire acme/shop/web 3f9c0a51b2d4 --in 24h',
    )
    .action((client: ClientName, id: string, options: { in?: number }) => runRetire(client, id, options, terminal));
}

async function runList(client: ClientName, { output }: Output, terminal: Terminal): Promise<void> {
  await withReadOnly(terminal.loadConfig(), async (stores) => {
    const { policy } = await assertClient(stores, client);
    const entry = await stores.clientSecrets.read(client);
    const uses = await lastUses(stores, client);
    const now = epochSeconds(stores.clock.nowMs());
    const handPlaced = { id: HAND_PLACED_ID, createdAt: undefined, expiresAt: undefined, label: undefined };
    const secrets = [...(entry.handPlaced === undefined ? [] : [handPlaced]), ...entry.generated].map((secret) => ({
      id: secret.id,
      state: secret.expiresAt === undefined || now < secret.expiresAt ? 'live' : 'expired',
      created_at: orNull(secret.createdAt),
      expires_at: orNull(secret.expiresAt),
      last_used_at: orNull(uses.get(secret.id)),
      label: secret.label ?? null,
    }));
    if (output === 'json') printJson(terminal.stdout, { secrets });
    else if (secrets.length === 0)
      printLines(terminal.stdout, [
        policy.kind === 'assertion'
          ? `${nameOf(client)} has no secret: it authenticates by its keys or as a workload.`
          : `${nameOf(client)} has no secret: add one with \`tessera secrets add ${nameOf(client)}\`.`,
      ]);
    else
      printLines(
        terminal.stdout,
        table([
          ['ID', 'STATE', 'CREATED', 'EXPIRES', 'LAST USED', 'LABEL'],
          ...secrets.map((secret) => [
            secret.id,
            secret.state,
            secret.created_at ?? '-',
            secret.expires_at ?? '-',
            secret.last_used_at ?? 'never',
            secret.label ?? '',
          ]),
        ]),
      );
  });
}

async function runAdd(
  client: ClientName,
  options: Output & { readonly expiresIn?: number; readonly label?: string },
  terminal: Terminal,
): Promise<void> {
  const config = terminal.loadConfig();
  await withReadOnly(config, async (stores) => {
    const { policy } = await assertClient(stores, client);
    if (policy.kind === 'assertion')
      throw new OperatorError(
        `Client ${nameOf(client)} authenticates by its keys or as a workload, and no secret is accepted for it: write "policy: confidential" for it in the tenants file and apply that, which makes one.`,
      );
  });
  const added = { action: 'create', kind: 'secret', id: nameOf(client) } as const;
  await change(config, client, added, 'The secret was added', terminal, async ({ clientSecrets, changes }) => {
    const { secret, id } = await clientSecrets.add(client, {
      expiresInSeconds: options.expiresIn,
      label: options.label,
    });
    const fields = [{ field: 'expires_in', from: null, to: options.expiresIn ?? null }];
    changes.note(client.tenantId, [{ ...added, id: `${nameOf(client)}/${id}`, fields }]);
    // Shown before anything else can fail: the secret exists now, and nobody has seen it yet.
    const value = Secret.reveal(secret);
    if (options.output === 'json') printJson(terminal.stdout, { id, secret_id: value });
    else printLines(terminal.stdout, [`Secret ${id} of ${nameOf(client)}, shown only once (secret_id):`, `  ${value}`]);
  });
}

async function runRetire(
  client: ClientName,
  id: string,
  options: { readonly in?: number },
  terminal: Terminal,
): Promise<void> {
  const config = terminal.loadConfig();
  const { policy } = await withReadOnly(config, (stores) => assertClient(stores, client));
  const last = policy.kind === 'assertion' ? 'is retired too' : 'is kept';
  const action = options.in === undefined ? 'remove' : 'update';
  const fields = [{ field: 'ends_in', from: null, to: options.in ?? 0 }];
  const retired = { action, kind: 'secret', id: `${nameOf(client)}/${id}`, fields } as const;
  await change(config, client, retired, 'The secret was retired', terminal, async ({ clientSecrets, changes }) => {
    await clientSecrets.retire(client, id, options.in ?? 0, last);
    changes.note(client.tenantId, [retired]);
    printLines(terminal.stdout, [options.in === undefined ? `Retired.` : `Ends in ${options.in} s.`]);
  });
}

function change(
  config: Config,
  client: ClientName,
  intended: RecordedChange,
  done: string,
  terminal: Terminal,
  work: (stores: Installation) => Promise<void>,
): Promise<void> {
  const { tenantId } = client;
  return withWritable(config, terminal, [{ tenantId, changes: [intended] }], async (stores) => {
    await work(stores);
    await announce(stores, tenantId, done);
  });
}

/** @throws OperatorError if the control plane has no such client: its secret would be useless */
async function assertClient(stores: Installation, client: ClientName): Promise<Client> {
  const { tenant } = await findTenant(stores, client.tenantId);
  const found = tenant.projects.get(client.projectId)?.clients.get(client.clientId);
  if (found !== undefined) return found;
  const known = allClients(tenant).map(({ projectId, id }) => `${tenant.id}/${projectId}/${id}`);
  throw new OperatorError(
    known.length === 0
      ? `Tenant ${tenant.id} has no client yet: add one to the tenants file and apply it.`
      : `There is no such client: use one of ${known.slice(0, 10).join(', ')}${known.length > 10 ? ', …' : ''}.`,
  );
}

async function lastUses({ database }: Installation, client: ClientName): Promise<ReadonlyMap<string, number>> {
  const uses = new SecretUses(await database.repository(SecretUseEntity), SILENT);
  const list = await uses.list(client.tenantId, client.projectId, client.clientId);
  return new Map(list.map(({ secretId, lastUsedAtMs }) => [secretId, epochSeconds(lastUsedAtMs)]));
}

function orNull(epoch: number | undefined): string | null {
  return epoch === undefined ? null : instant(epoch);
}
