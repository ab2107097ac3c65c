import { auditSpan } from '../../../audit/reading/audit-span.ts';
import { CLOCK_SKEW_SECONDS } from '../../../domain/clock.ts';
import type { InstallationFacts } from '../facts.ts';
import type { Check, Found } from '../finding.ts';

/** Two answers are dated to the second, and each takes its time. */
const TOLERANCE_SECONDS = CLOCK_SKEW_SECONDS / 3;

const FIX = 'Synchronize it by NTP: chronyc makestep, or timedatectl set-ntp true';

/** The clocks of the database server, of Vault and of this machine agree, and no audit record is of the future. */
export const clocksCheck: Check<InstallationFacts> = {
  name: 'clocks',
  run: async (facts) => {
    const { stores, clock } = facts;
    const offsets: { readonly object: string; readonly ahead: number }[] = [];
    const compare = async (object: string, read: () => Promise<number | undefined>): Promise<void> => {
      const before = clock.nowMs();
      const theirs = await read();
      if (theirs !== undefined) offsets.push({ object, ahead: (theirs - (before + clock.nowMs()) / 2) / 1000 });
    };
    await compare('database server', () => databaseTime(facts));
    if (!facts.vaultIsAway) await compare('vault', () => stores.vault.now());
    const apart = offsets.filter(({ ahead }) => Math.abs(ahead) > TOLERANCE_SECONDS);
    // If all others agree, it is this machine that is wrong.
    const [first, ...others] = apart;
    if (
      first !== undefined &&
      others.length > 0 &&
      apart.length === offsets.length &&
      others.every(({ ahead }) => Math.abs(ahead - first.ahead) <= TOLERANCE_SECONDS)
    )
      return [found('this machine', -first.ahead, 'the database server and Vault')];
    if (apart.length > 0) return apart.map(({ object, ahead }) => found(object, ahead, 'this machine'));
    return newestRecord(facts);
  },
};

function found(object: string, ahead: number, others: string): Found {
  const seconds = Math.round(Math.abs(ahead));
  return {
    severity: seconds > CLOCK_SKEW_SECONDS ? 'fault' : 'warning',
    object,
    problem: `its clock is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} ${others}`,
    command: FIX,
  };
}

/** `init_connect` and the operator may set the zone of a session, so the time is asked for as seconds since the epoch. */
async function databaseTime({ stores: { config, database } }: InstallationFacts): Promise<number | undefined> {
  if (config.controlDatabase.driver !== 'mysql') return undefined;
  const [row] = await database.query('SELECT UNIX_TIMESTAMP() AS seconds');
  return Number(row?.['seconds']) * 1000;
}

/** Servers date the records, so this sees their clocks without asking them. */
async function newestRecord({ stores: { database }, clock }: InstallationFacts): Promise<Found[]> {
  const span = await auditSpan(database);
  const ahead = ((span?.newestMs ?? 0) - clock.nowMs()) / 1000;
  if (ahead <= CLOCK_SKEW_SECONDS) return [];
  return [
    {
      severity: 'fault',
      object: 'audit',
      problem: `the newest record is ${Math.round(ahead)} s in the future: the clock of a server is ahead, or that of this machine behind`,
      command: FIX,
    },
  ];
}
