import { type Command, Option } from 'commander';
import { OperatorError } from '../../errors/operator-error.ts';
import { type KeyRing, MIN_LEAD_SECONDS, type RingKey, stateOf } from '../../keys/key-ring.ts';
import { activate, retire, rotate, type Transition } from '../../keys/key-ring.transitions.ts';
import { newSigningKey } from '../../keys/new-signing-key.ts';
import { revocationOfKey } from '../../revocation/new-revocations.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import { epochSeconds } from '../../domain/clock.ts';
import type { TenantId } from '../../domain/ids.ts';
import { announce, findTenant, type Installation, withReadOnly, withWritable } from '../installation.ts';
import { keyRingChange } from '../key-ring-change.ts';
import { rotateAllKeys } from '../rotate-all-keys.ts';
import { UsageError } from '../usage-error.ts';
import { durationArgument, outputOption, tenantArgument } from '../options.ts';
import { feedRevokedKey, revokeOnce } from '../revoke/revoke-key.ts';
import { instant, type OutputFormat, printJson, printLines, table, type Terminal } from '../terminal.ts';

interface Output {
  readonly output: OutputFormat;
}

/** The three commands that take a key id, one row each. */
const TRANSITIONS = {
  activate: {
    summary: 'make a published key the signing key',
    description: `Makes a "next" key the signing key; the key that signed until now retires. A key that has not been public for long enough is refused, because verifiers may not know it yet.`,
    example: 'tessera keys activate acme 6u0T…',
  },
  retire: {
    summary: 'stop a key from signing',
    description: `Stops a key from signing; the next key takes over. Its tokens stay valid, so it stays public until the last of them has expired.`,
    example: 'tessera keys retire acme 6u0T…',
  },
  revoke: {
    summary: 'withdraw a key and all its tokens',
    description: `Removes a key from the public key set at once. Verifiers reject every token that it signed as soon as they fetch the set again, or within 2 s if they poll the revocation feed. For a key that may be compromised.`,
    example: 'tessera keys revoke acme 6u0T…',
  },
} as const;

export function addKeys(program: Command, terminal: Terminal): void {
  const keys = program
    .command('keys')
    .summary("a tenant's signing keys")
    .description(
      `A tenant's signing keys. A key is next (public, does not sign yet), active (signs), retired (public until its last token has expired) or revoked (not public: all its tokens are rejected).`,
    );
  keys
    .command('list')
    .summary('show the keys and their states')
    .description('Shows the keys of a tenant with their states and when these change.')
    .argument('<tenant>', 'id of the tenant', tenantArgument)
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ tessera keys list acme')
    .action((tenantId: string, options: Output) => runList(tenantId, options, terminal));
  keys
    .command('rotate')
    .summary('publish a new key, which signs after a lead time')
    .description(
      `Makes a new key of the tenant's algorithm and publishes it. After the lead time, it starts to sign and the old key retires, without another command. Tokens of the old key stay valid.

With --all, it does so for every tenant that has no next key yet.`,
    )
    .argument('[tenant]', 'id of the tenant', tenantArgument)
    .option('--all', 'rotate the keys of every tenant', false)
    .option(
      '--lead <duration>',
      `how long the key is public before it signs; at least and by default ${MIN_LEAD_SECONDS}s`,
      durationArgument,
    )
    .addOption(outputOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ tessera keys rotate acme\n  $ tessera keys rotate acme --lead 24h\n  $ tessera keys rotate --all',
    )
    .action((tenantId: string | undefined, options: Output & { all: boolean; lead?: number }) => {
      if (tenantId !== undefined && options.all)
        throw new UsageError('Name a tenant or write --all, not both: see `tessera keys rotate --help`.');
      if (options.all) return rotateAllKeys(options, terminal);
      if (tenantId === undefined)
        throw new UsageError('Name a tenant, or write --all for every tenant: see `tessera keys rotate --help`.');
      return runRotate(tenantId, options, terminal);
    });
  for (const name of Object.keys(TRANSITIONS) as (keyof typeof TRANSITIONS)[]) {
    const { summary, description, example } = TRANSITIONS[name];
    const command = keys
      .command(name)
      .summary(summary)
      .description(description)
      .argument('<tenant>', 'id of the tenant', tenantArgument)
      .argument('<kid>', 'id of the key, see `tessera keys list`')
      .addOption(outputOption())
      .addHelpText('after', `\nExample:\n  $ ${example}`);
    if (name === 'activate')
      command.addOption(
        new Option(
          '--dangerously-before-verifiers-know-it',
          'even if the key has not been public for long enough: services that cached the key set reject its tokens until they fetch it again',
        ).default(false),
      );
    command.action((tenantId: string, kid: string, options: Output & { dangerouslyBeforeVerifiersKnowIt?: boolean }) =>
      change(
        tenantId,
        options,
        terminal,
        () => (ring, now) => transition(name, ring, kid, now, options),
        name === 'revoke' ? (stores, id) => feedRevokedKey(stores, revocationOfKey(id, kid, nowOf(stores))) : undefined,
      ),
    );
  }
}

function transition(
  name: keyof typeof TRANSITIONS,
  ring: KeyRing,
  kid: string,
  now: number,
  options: { readonly dangerouslyBeforeVerifiersKnowIt?: boolean },
): Transition {
  switch (name) {
    case 'activate':
      return activate(ring, kid, now, {
        dangerouslyBeforeVerifiersKnowIt: options.dangerouslyBeforeVerifiersKnowIt === true,
      });
    case 'retire':
      return retire(ring, kid, now);
    case 'revoke':
      return revokeOnce(ring, kid, now);
  }
}

async function runList(tenantId: string, options: Output, terminal: Terminal): Promise<void> {
  await withReadOnly(terminal.loadConfig(), async (stores) => {
    const { tenant } = await findTenant(stores, tenantId);
    const stored = await stores.keyRings.read(tenant.id);
    if (stored === undefined)
      throw new OperatorError(
        `Tenant ${tenant.id} has no key ring: make one with \`tessera apply\`, or restore it from a backup.`,
      );
    print(stored.ring, stores, options, terminal);
  });
}

async function runRotate(tenantId: string, options: Output & { lead?: number }, terminal: Terminal): Promise<void> {
  await change(tenantId, options, terminal, async (tenant) => {
    const key = await newSigningKey(tenant.tokens.algorithm);
    return (ring, now) => rotate(ring, key, now, options.lead);
  });
}

type Decide = (ring: KeyRing, now: number) => Transition;

/**
 * Writes the next key ring and notifies the running servers.
 *
 * @param prepare slow work to do before the ring is read
 * @param afterwards further work after the ring is written, before servers are notified
 */
async function change(
  tenantId: string,
  options: Output,
  terminal: Terminal,
  prepare: (tenant: Tenant) => Decide | Promise<Decide>,
  afterwards: (stores: Installation, tenantId: TenantId) => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const config = terminal.loadConfig();
  const { tenant } = await withReadOnly(config, (stores) => findTenant(stores, tenantId));
  const decide = await prepare(tenant);
  const intended = { tenantId: tenant.id, changes: [{ action: 'update', kind: 'key_ring', id: tenant.id }] } as const;
  await withWritable(config, terminal, [intended], async (stores) => {
    let before: KeyRing | undefined;
    const result = await stores.keyRings.update(tenant.id, (ring) => decide((before = ring), nowOf(stores)));
    if ('refusal' in result) throw new OperatorError(result.refusal);
    stores.changes.note(tenant.id, [keyRingChange(tenant.id, before, result.ring, nowOf(stores))]);
    await afterwards(stores, tenant.id);
    print(result.ring, stores, options, terminal);
    await announce(stores, tenant.id, 'The key ring was changed');
  });
}

function nowOf({ clock }: Installation): number {
  return epochSeconds(clock.nowMs());
}

function print({ keys }: KeyRing, stores: Installation, { output }: Output, { stdout }: Terminal): void {
  const now = nowOf(stores);
  if (output === 'json') {
    printJson(stdout, {
      keys: keys.map((key) => ({
        kid: key.kid,
        alg: key.alg,
        state: stateOf(key, now),
        published_at: instant(key.publishedAt),
        activated_at: key.activatedAt === undefined ? null : instant(key.activatedAt),
        retire_at: key.retireAt === undefined ? null : instant(key.retireAt),
      })),
    });
    return;
  }
  const when = (time: number | undefined): string => (time === undefined ? '-' : instant(time));
  const row = (key: RingKey): string[] => [
    key.kid,
    key.alg,
    stateOf(key, now),
    instant(key.publishedAt),
    when(key.activatedAt),
    when(key.retireAt),
  ];
  printLines(stdout, table([['KID', 'ALG', 'STATE', 'PUBLISHED', 'SIGNS FROM', 'UNTIL'], ...keys.map(row)]));
}
