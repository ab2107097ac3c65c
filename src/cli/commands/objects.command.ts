import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Page } from '../objects/kinds.ts';
import { addChanges } from '../objects/change-commands.ts';
import { type Kind, KINDS } from '../objects/kinds.ts';
import { listObjects, listTenants, showObject, showTenant } from '../objects/list-objects.ts';
import { type ObjectPath, pathArgument, PATHS } from '../objects/object-path.ts';
import { outputOption, tenantArgument } from '../options.ts';
import type { OutputFormat, Terminal } from '../terminal.ts';
import { isRevocableId } from '../../revocation/new-revocations.ts';

interface Output {
  readonly output: OutputFormat;
}

/** Rows of one page: what a terminal scrolls, and a few megabytes at most. */
const DEFAULT_LIMIT = 1000;
const MAX_LIMIT = 10_000;

/** `list` and `show` of everything that an installation holds. `user` and `users` are the same command. */
export function addObjects(program: Command, terminal: Terminal): void {
  const tenants = program
    .command('tenants')
    .alias('tenant')
    .summary('the tenants of this installation')
    .description('The tenants of this installation, as the control plane holds them.');
  tenants
    .command('list')
    .summary('show all tenants')
    .description('Shows all tenants with their status, database and token settings. No tenant database is read.')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ tessera tenants list')
    .action((options: Output) => listTenants(options, terminal));
  tenants
    .command('show')
    .summary('show one tenant')
    .description('Shows one tenant with the ids of its projects, issuers and administrators.')
    .argument('<tenant>', 'id of the tenant', tenantArgument)
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ tessera tenants show acme')
    .action((tenantId: string, options: Output) => showTenant(tenantId, options, terminal));
  for (const kind of KINDS) addKind(program, kind, terminal);
}

function addKind(program: Command, kind: Kind, terminal: Terminal): void {
  const { plural, singular, words } = kind;
  const { form, example } = PATHS[singular];
  const group = program
    .command(plural)
    .alias(singular)
    .summary(words)
    .description(`${words.charAt(0).toUpperCase()}${words.slice(1)}.`);
  const list = group
    .command('list')
    .summary(`show ${words}`)
    .description(`Shows ${words}.`)
    .argument('<tenant>', 'id of the tenant', tenantArgument)
    .addOption(outputOption())
    .addHelpText('after', `\nExample:\n  $ tessera ${plural} list acme`)
    .action((tenantId: string, options: Output & Partial<Page>) =>
      listObjects(kind, tenantId, { after: undefined, limit: DEFAULT_LIMIT, ...options }, terminal),
    );
  if (kind.isPaged === true)
    list
      .addOption(
        new Option('--limit <count>', `at most this many, up to ${MAX_LIMIT}`)
          .default(DEFAULT_LIMIT)
          .argParser(limitArgument),
      )
      .addOption(
        new Option('--after <id>', 'those behind this id, the last one of the list before').argParser(idArgument),
      );
  group
    .command('show')
    .summary(`show one ${singular}`)
    .description(`Shows one ${singular} with everything that belongs to it.`)
    .argument(`<${singular}>`, form, pathArgument(singular))
    .addOption(outputOption())
    .addHelpText('after', `\nExample:\n  $ tessera ${plural} show ${example}`)
    .action((path: ObjectPath, options: Output) => showObject(kind, path, options, terminal));
  addChanges(group, singular, terminal);
}

function limitArgument(text: string): number {
  const count = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : Infinity;
  if (count > MAX_LIMIT) throw new InvalidArgumentError(`Write a whole number from 1 to ${MAX_LIMIT}.`);
  return count;
}

function idArgument(text: string): string {
  if (!isRevocableId(text)) throw new InvalidArgumentError('Write the id of a user.');
  return text;
}
