import { type Command, Option } from 'commander';
import { issuerOf } from '../../domain/issuer.ts';
import { isRevocableId, isTokenId } from '../../revocation/new-revocations.ts';
import { commitInTime, reachFrom } from '../../revocation/revocation-reach.ts';
import { revocationChange } from '../../provisioning/apply/control-plane.writer.ts';
import type { NewRevocation, RevocationRecord } from '../../revocation/revocation-records.ts';
import { announce, withReadOnly, withWritable } from '../installation.ts';
import { outputOption, tenantArgument } from '../options.ts';
import { planOf, planOfToken, type RevocationPlan, type Target } from '../revoke/plan-revocation.ts';
import { feedRevokedKey, revokeInRing } from '../revoke/revoke-key.ts';
import { instant, type OutputFormat, printJson, printLines, type Terminal } from '../terminal.ts';

interface RevokeOptions {
  readonly token?: string;
  readonly jti?: string;
  readonly subject?: string;
  readonly client?: string;
  readonly key?: string;
  readonly tenant?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly output: OutputFormat;
}

/** Maps each option that names a target within a tenant to its kind of revocation. */
const NAMED = { jti: 'token', subject: 'subject', client: 'client', key: 'key' } as const;

export function addRevoke(program: Command, terminal: Terminal): void {
  const command = program
    .command('revoke')
    .summary('revoke tokens before they expire')
    .description(
      `Revokes tokens before they expire: one token, or all tokens issued until now to a subject, a client or a tenant; new tokens are valid. Servers and verifiers that poll the revocation feed reject revoked tokens within 2 s. A key is revoked forever, with all tokens that it signed. Give one of --token, --jti, --subject, --client and --key; --tenant alone revokes all tokens of the tenant.`,
    )
    .option('--token <source>', 'one token; write - and give it on standard input')
    .option('--jti <tenant/id>', 'one token by its id')
    .option(
      '--subject <tenant/sub>',
      'all tokens of a user or an administrator, by id or e-mail address, or of a client itself',
    )
    .option('--client <tenant/project/client>', 'all tokens of a client')
    .option('--key <tenant/kid>', 'a signing key other than the active one')
    .addOption(
      new Option('--tenant <id>', 'the tenant of the other option; alone: all tokens of the tenant').argParser(
        tenantArgument,
      ),
    )
    .option('--force', 'skip lookups: for deleted subjects, clients or tokens, or during an outage of a database')
    .option('--dry-run', 'only show what would be revoked')
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
Examples:
  $ tessera revoke --token - < token.txt
  $ tessera revoke --jti acme/dc01fe08-2f83-4c99-80e5-bc22aa3230e5
  $ tessera revoke --subject acme/u-ada --dry-run
  $ tessera revoke --subject acme/ada@acme.example
  $ tessera revoke --subject acme/u-gone --force
  $ tessera revoke --subject acme/client:shop/web
  $ tessera revoke --client acme/shop/web
  $ tessera revoke --tenant acme --key 6u0T…
  $ tessera revoke --tenant acme`,
    )
    .action((options: RevokeOptions) => run(readTarget(options, command), options, terminal));
}

async function run(target: Target | 'token', options: RevokeOptions, terminal: Terminal): Promise<void> {
  const config = terminal.loadConfig();
  // Everything that can refuse the command comes before the first change.
  const plan = await withReadOnly(config, (stores) =>
    target === 'token' ? planOfToken(stores, terminal) : planOf(stores, target, options.force === true),
  );
  if (options.dryRun === true) {
    print(plan, plan.revocations(reachFrom(terminal.clock.nowMs())), config.publicUrl, options, terminal);
    return;
  }
  const planned = plan.revocations(reachFrom(terminal.clock.nowMs()));
  const intended = { tenantId: planned[0]?.tenantId, changes: planned.map(revocationChange) };
  await withWritable(config, terminal, [intended], async (stores) => {
    const [revocation] = plan.revocations(reachFrom(stores.clock.nowMs()));
    if (revocation?.kind === 'key') {
      await revokeInRing(stores, revocation.tenantId, revocation.id);
      print(plan, [await feedRevokedKey(stores, revocation)], config.publicUrl, options, terminal);
      await announce(stores, revocation.tenantId, 'The key was revoked');
      return;
    }
    const isTimeless = planned.every(({ before }) => before === undefined);
    const revoked = isTimeless
      ? await stores.controlPlane.revoke(planned)
      : await commitInTime(stores.clock, (before) => stores.controlPlane.revoke(plan.revocations(before)));
    print(plan, revoked, config.publicUrl, options, terminal);
  });
}

/** Reads the one target of the command, or fails with a usage error. */
function readTarget(options: RevokeOptions, command: Command): Target | 'token' {
  const named = (Object.keys(NAMED) as (keyof typeof NAMED)[]).filter((name) => options[name] !== undefined);
  const { tenant, token } = options;
  if (named.length + (token === undefined ? 0 : 1) > 1)
    return command.error('error: give one of --token, --jti, --subject, --client and --key');
  if (token !== undefined) {
    // Never printed: the value may be the token itself.
    if (token !== '-') return command.error('error: write --token - and give the token on standard input');
    if (tenant !== undefined) return command.error('error: a token contains its tenant: leave --tenant out');
    return 'token';
  }
  const [option] = named;
  if (option === undefined) {
    if (tenant === undefined)
      return command.error('error: give what to revoke: --token, --jti, --subject, --client, --key or --tenant');
    return { kind: 'tenant', tenantId: tenant, id: '*' };
  }
  const value = options[option] ?? '';
  const slash = value.indexOf('/');
  if (tenant === undefined && slash === -1)
    return command.error(`error: write --${option} <tenant>/…, or name the tenant with --tenant`);
  const target = {
    kind: NAMED[option],
    tenantId: tenant ?? value.slice(0, slash),
    id: tenant === undefined ? value.slice(slash + 1) : value,
  };
  if (target.kind === 'token' && !isTokenId(target.id))
    return command.error('error: --jti is not the id of a token: copy "jti" from the token, a UUID in lower case');
  if (!isRevocableId(target.id))
    return command.error(`error: --${option} must be 1 to 128 visible ASCII characters, as in a token`);
  return target;
}

function print(
  { words, notes }: RevocationPlan,
  revoked: readonly (NewRevocation | RevocationRecord)[],
  publicUrl: string,
  { output, dryRun }: RevokeOptions,
  { stdout }: Terminal,
): void {
  const entries = revoked.map((revocation) => {
    const { tenantId, kind, id, before, until } = revocation;
    const seq = 'seq' in revocation ? revocation.seq : undefined;
    return { seq, iss: issuerOf(publicUrl, tenantId), kind, id, before, until };
  });
  if (output === 'json') {
    printJson(stdout, { dry_run: dryRun === true, revoked: entries });
    return;
  }
  const before = entries[0]?.before;
  const until = Math.max(...entries.map((entry) => entry.until));
  const what = before === undefined ? words : `${words} issued until ${instant(before)}`;
  const numbers = entries.map(({ seq }) => seq).join(' and ');
  printLines(stdout, [
    dryRun === true
      ? `Would revoke ${what}; this was a dry run, nothing was changed.`
      : `Revoked ${what} (number ${numbers} in the feed, kept until ${instant(until)}).`,
    ...notes,
  ]);
}
