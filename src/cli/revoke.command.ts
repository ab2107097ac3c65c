import { type Command, Option } from 'commander';
import { OperatorError } from '../errors/operator-error.ts';
import { issuerOf } from '../issuing/claims.ts';
import {
  isRevocableId,
  revocationOfAll,
  revocationOfToken,
  revocationOfTokenId,
} from '../revocation/new-revocations.ts';
import { type NewRevocation, RevocationRecords } from '../tenancy/revocation-records.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { epochSeconds } from '../vocabulary/clock.ts';
import { announce, findTenant, type Installation, withReadOnly, withWritable } from './installation.ts';
import { outputOption, tenantArgument } from './options.ts';
import { readOwnToken } from './own-token.ts';
import { feedRevokedKey, keyRevocation, revokeInRing } from './revoke-key.ts';
import { instant, type OutputFormat, printJson, printLines, type Terminal } from './terminal.ts';

interface RevokeOptions {
  readonly token?: string;
  readonly jti?: string;
  readonly subject?: string;
  readonly client?: string;
  readonly key?: string;
  readonly tenant?: string;
  readonly dryRun?: boolean;
  readonly output: OutputFormat;
}

/** What one of a tenant's things is called, and what it is. */
interface Target {
  readonly kind: 'token' | 'subject' | 'client' | 'key' | 'tenant';
  readonly tenantId: string;
  readonly id: string;
}

/** The options that name a thing of a tenant, and what it is called in a token. */
const NAMED = { jti: 'token', subject: 'subject', client: 'client', key: 'key' } as const;

export function addRevoke(program: Command, terminal: Terminal): void {
  const command = program
    .command('revoke')
    .summary('end tokens before their time')
    .description(
      `Ends tokens before their time: one token, or all that were issued until now to a subject, a client or a tenant; new ones are good. Servers and verifiers that follow the feed refuse them within 2 s. A key is revoked for good, with all that it signed. Give one of --token, --jti, --subject, --client and --key; --tenant alone ends all tokens of the tenant.`,
    )
    .option('--token <source>', 'one token; write - and give it on standard input')
    .option('--jti <tenant/id>', 'one token by its id')
    .option('--subject <tenant/sub>', 'all tokens of a subject')
    .option('--client <tenant/project/client>', 'all tokens of a client')
    .option('--key <tenant/kid>', 'a signing key, which must not be the one that signs now')
    .addOption(
      new Option('--tenant <id>', 'the tenant of what the others name; alone: all its tokens').argParser(
        tenantArgument,
      ),
    )
    .option('--dry-run', 'only say what would be revoked')
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
Examples:
  $ tessera revoke --token - < token.txt
  $ tessera revoke --jti acme/dc01fe08-2f83-4c99-80e5-bc22aa3230e5
  $ tessera revoke --subject acme/u-ada --dry-run
  $ tessera revoke --client acme/shop/web
  $ tessera revoke --tenant acme --key 6u0T…
  $ tessera revoke --tenant acme`,
    )
    .action((options: RevokeOptions) => run(readTarget(options, command), options, terminal));
}

async function run(target: Target | 'token', options: RevokeOptions, terminal: Terminal): Promise<void> {
  const config = terminal.loadConfig();
  // Everything that can be refused is, before anything is changed.
  const plan = await withReadOnly(config, (stores) =>
    target === 'token' ? planOfToken(stores, terminal) : planOf(stores, target),
  );
  if (options.dryRun === true) {
    print(plan, undefined, config.publicUrl, options, terminal);
    return;
  }
  await withWritable(config, async (stores) => {
    const { revocation } = plan;
    if (revocation.kind === 'key') {
      await revokeInRing(stores, revocation.tenantId, revocation.id);
      const { seq } = await feedRevokedKey(stores, revocation);
      print(plan, seq, config.publicUrl, options, terminal);
      await announce(stores, revocation.tenantId, 'The key was revoked');
    } else {
      const [record] = await new RevocationRecords(stores.database).add([revocation]);
      print(plan, record?.seq, config.publicUrl, options, terminal);
    }
  });
}

interface Plan {
  readonly revocation: NewRevocation;
  /** For people. */
  readonly words: string;
  readonly notes: readonly string[];
}

async function planOfToken(stores: Installation, terminal: Terminal): Promise<Plan> {
  const token = await readOwnToken(stores, terminal.stdin);
  return {
    revocation: revocationOfToken(token),
    words: `token ${token.tokenId} of subject ${token.subject} in ${token.tenantId}`,
    notes: [],
  };
}

async function planOf(stores: Installation, { kind, tenantId, id }: Target): Promise<Plan> {
  const { tenant } = await findTenant(stores, tenantId);
  const now = epochSeconds(stores.clock.nowMs());
  switch (kind) {
    case 'token':
      return { revocation: revocationOfTokenId(tenant.id, id, now), words: `token ${id} in ${tenant.id}`, notes: [] };
    case 'subject':
      return {
        revocation: revocationOfAll(tenant.id, kind, id, now),
        words: `all tokens of subject ${id} in ${tenant.id} issued until ${instant(now)}`,
        notes: ['The subject can get new tokens: disable it in the tenants file or the directory if it shall not.'],
      };
    case 'client': {
      const { clientId, notes } = clientOf(tenant, id);
      return {
        revocation: revocationOfAll(tenant.id, kind, clientId, now),
        words: `all tokens of client ${clientId} in ${tenant.id} issued until ${instant(now)}`,
        notes,
      };
    }
    case 'key':
      return {
        revocation: await keyRevocation(stores, tenant.id, id),
        words: `key ${id} of ${tenant.id} with all tokens that it signed`,
        notes: [],
      };
    case 'tenant':
      return {
        revocation: revocationOfAll(tenant.id, kind, '*', now),
        words: `all tokens of ${tenant.id} issued until ${instant(now)}`,
        notes: [],
      };
  }
}

/** Tokens name their client without its project, and so does a revocation. */
function clientOf(tenant: Tenant, name: string): { readonly clientId: string; readonly notes: readonly string[] } {
  const [first = '', second] = name.split('/');
  const clientId = second ?? first;
  const projects = [...tenant.projects.values()].filter(({ clients }) =>
    [...clients.keys()].some((id) => id === clientId),
  );
  const isKnown = second === undefined ? projects.length > 0 : projects.some(({ id }) => id === first);
  if (!isKnown)
    throw new OperatorError(`Tenant ${tenant.id} has no such client: see \`tessera export\` for those that it has.`);
  if (projects.length === 1) return { clientId, notes: [] };
  const names = projects.map(({ id }) => `${id}/${clientId}`).join(' and ');
  return { clientId, notes: [`This ends the tokens of ${names}: a token does not name its client's project apart.`] };
}

/** Exactly one thing; or wrong use. */
function readTarget(options: RevokeOptions, command: Command): Target | 'token' {
  const named = (Object.keys(NAMED) as (keyof typeof NAMED)[]).filter((name) => options[name] !== undefined);
  const { tenant, token } = options;
  if (named.length + (token === undefined ? 0 : 1) > 1)
    return command.error('error: give one of --token, --jti, --subject, --client and --key');
  if (token !== undefined) {
    // Never repeated here: what stands there may be the token itself.
    if (token !== '-') return command.error('error: write --token - and give the token on standard input');
    if (tenant !== undefined) return command.error('error: a token names its tenant itself: leave --tenant out');
    return 'token';
  }
  const [option] = named;
  if (option === undefined) {
    if (tenant === undefined)
      return command.error('error: say what to revoke: --token, --jti, --subject, --client, --key or --tenant');
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
  if (!isRevocableId(target.id))
    return command.error(`error: --${option} names nothing that a token can say: 1 to 128 visible ASCII characters`);
  return target;
}

function print(
  { revocation, words, notes }: Plan,
  seq: number | undefined,
  publicUrl: string,
  { output }: RevokeOptions,
  { stdout }: Terminal,
): void {
  const { tenantId, kind, id, before, until } = revocation;
  const isDryRun = seq === undefined;
  if (output === 'json') {
    const entry = { seq, iss: issuerOf(publicUrl, tenantId), kind, id, before, until };
    printJson(stdout, { dry_run: isDryRun, revoked: [entry] });
    return;
  }
  printLines(stdout, [
    isDryRun
      ? `Would revoke ${words}; this was a dry run, nothing was changed.`
      : `Revoked ${words} (number ${seq} of the feed, kept until ${instant(until)}).`,
    ...notes,
  ]);
}
