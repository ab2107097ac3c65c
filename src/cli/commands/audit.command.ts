import { setTimeout as delay } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { type AuditFilter, type AuditRow, findAuditRecords } from '../../audit/reading/audit-query.ts';
import { findAncestorRecords } from '../../audit/reading/token-chain.ts';
import { ERROR_TABLE } from '../../errors/error-table.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { cellsOf, HEAD, jsonOf } from '../audit/print-records.ts';
import {
  type AuditOptions,
  clientInTenantArgument,
  limitArgument,
  readFilter,
  recordedArgument,
  timeArgument,
} from '../audit/read-filter.ts';
import { type Installation, withLive } from '../installation.ts';
import { outputOption, tenantArgument } from '../options.ts';
import { type OutputFormat, printJson, printJsonLine, printLines, table, type Terminal } from '../terminal.ts';

type Options = AuditOptions & { readonly chain: boolean; readonly follow: boolean; readonly output: OutputFormat };

const DEFAULT_LIMIT = 100;
const FOLLOW_MS = 1000;
/** Replicas write beside each other: a record may become visible after one that is younger, but not by more than its database waits for a write. */
const LATE_MS = 5000;
/** More than a server writes in that time. */
const FOLLOW_LIMIT = 100_000;

export function addAudit(program: Command, terminal: Terminal): void {
  program
    .command('audit')
    .summary('read the audit')
    .description(
      `Shows the newest records of the audit, the oldest of them first: tokens, refusals, revocations, and changes by command. All given filters must apply. Times are in UTC.`,
    )
    .addOption(new Option('--since <time>', 'from then on: a duration ago, or a time').argParser(timeArgument))
    .addOption(new Option('--until <time>', 'before then: a duration ago, or a time').argParser(timeArgument))
    .addOption(new Option('--tenant <id>', 'of this tenant').argParser(tenantArgument))
    .addOption(
      new Option('--subject <id>', 'about this user or administrator: an id or an e-mail address').argParser(
        recordedArgument,
      ),
    )
    .addOption(new Option('--client <client>', 'of this client: project/client').argParser(clientInTenantArgument))
    .addOption(new Option('--token <id>', 'of the token with this id ("jti")').argParser(recordedArgument))
    .option('--chain', 'with --token, also of the tokens that it was exchanged from', false)
    .addOption(new Option('--request <id>', 'of the request with this id').argParser(recordedArgument))
    .addOption(
      new Option('--outcome <outcome>', 'with this outcome').choices([
        'issued',
        'revoked',
        'started',
        'changed',
        'failed',
        ...Object.keys(ERROR_TABLE),
      ]),
    )
    .addOption(
      new Option('--limit <number>', 'the newest of this number').argParser(limitArgument).default(DEFAULT_LIMIT),
    )
    .option('--follow', 'go on with new records until Ctrl-C', false)
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
Examples:
  $ tessera audit --since 1h
  $ tessera audit --tenant acme --subject hank@acme.example
  $ tessera audit --tenant acme --client shop/web --outcome unauthorized
  $ tessera audit --tenant acme --token dc01fe08-2f83-4c99-80e5-bc22aa3230e5 --chain
  $ tessera audit --request 0b991b55-26a3-4b5d-893b-c11c557a687c -o json
  $ tessera audit --tenant acme --follow`,
    )
    .action((options: Options, command: Command) => {
      const { tenant, client } = options;
      if (tenant !== undefined && client?.tenantId !== undefined && client.tenantId !== tenant)
        command.error('error: --tenant and --client name two tenants');
      if (options.chain && options.token === undefined) command.error('error: --chain is for --token');
      if (options.chain && options.follow) command.error('error: --chain cannot be followed: leave --follow out');
      return runAudit(options, terminal);
    });
}

async function runAudit(options: Options, terminal: Terminal): Promise<void> {
  const config = terminal.loadConfig();
  await withLive(config, async (stores) => {
    const pending = await stores.database.pendingMigrations();
    if (pending.length > 0)
      throw new OperatorError("The control database's schema is not current. Run: tessera migrate");
    const filter = await readFilter(stores, options, (line) => {
      printLines(terminal.stderr, [line]);
    });
    const rows = await findAuditRecords(stores.database, filter);
    if (options.follow) return follow(stores, filter, rows, options.output, terminal);
    const ancestors = options.chain ? await findAncestorRecords(stores.database, rows) : [];
    print([...ancestors, ...rows].sort(byTime), options, terminal);
    if (rows.length === options.limit)
      printLines(terminal.stderr, [
        `These are the newest ${options.limit}. Older ones: give --until, or more with --limit.`,
      ]);
  });
}

function byTime(one: AuditRow, other: AuditRow): number {
  return one.atMs - other.atMs || one.id - other.id;
}

function print(rows: readonly AuditRow[], { output }: Options, { stdout }: Terminal): void {
  if (output === 'json') printJson(stdout, { records: rows.map(jsonOf) });
  else if (rows.length === 0) printLines(stdout, ['No such record.']);
  else printLines(stdout, table([HEAD, ...rows.map(cellsOf)]));
}

/** Prints records as they come, each once. Ends with the process. */
async function follow(
  { database }: Installation,
  filter: AuditFilter,
  first: readonly AuditRow[],
  output: OutputFormat,
  { stdout }: Terminal,
): Promise<void> {
  const shown = new Map<number, number>();
  let sinceMs = filter.sinceMs ?? 0;
  const show = (rows: readonly AuditRow[]) => {
    for (const row of rows) {
      if (shown.has(row.id)) continue;
      shown.set(row.id, row.atMs);
      if (output === 'json') printJsonLine(stdout, jsonOf(row));
      else printLines(stdout, [cellsOf(row).join('  ')]);
    }
    const newest = rows.at(-1)?.atMs;
    if (newest !== undefined) sinceMs = Math.max(sinceMs, newest - LATE_MS);
    for (const [id, atMs] of shown) if (atMs < sinceMs) shown.delete(id);
  };
  show(first);
  for (;;) {
    await delay(FOLLOW_MS);
    show(await findAuditRecords(database, { ...filter, sinceMs, limit: FOLLOW_LIMIT }));
  }
}
