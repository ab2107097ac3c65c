import { InvalidArgumentError } from 'commander';
import { type AuditFilter, type SubjectName } from '../../audit/reading/audit-query.ts';
import { readDigestKey } from '../../audit/digest-key.ts';
import { subjectDigest } from '../../audit/subject-digests.ts';
import { hasAddress } from '../../directory/administrator.ts';
import { parseEmail } from '../../domain/email.ts';
import { parseClientId, parseProjectId, type TenantId } from '../../domain/ids.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { TesseraError } from '../../errors/tessera-error.ts';
import { parseDuration } from '../../provisioning/file/duration.ts';
import { isRevocableId } from '../../revocation/new-revocations.ts';
import { CopiedUserDirectory } from '../copied-user.directory.ts';
import { explainError } from '../explain-error.ts';
import type { Installation } from '../installation.ts';

/** A time of the command line: milliseconds before now, or since the epoch. */
export type GivenTime = { readonly agoMs: number } | { readonly atMs: number };

export interface AuditOptions {
  readonly since?: GivenTime;
  readonly until?: GivenTime;
  readonly tenant?: string;
  readonly subject?: string;
  readonly client?: { readonly tenantId: string | undefined; readonly projectId: string; readonly clientId: string };
  readonly token?: string;
  readonly request?: string;
  readonly outcome?: string;
  readonly limit: number;
}

const ISO = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

export function timeArgument(text: string): GivenTime {
  const seconds = parseDuration(text);
  if (seconds !== undefined) return { agoMs: seconds * 1000 };
  const atMs = ISO.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(atMs))
    throw new InvalidArgumentError(
      'Write how long ago, such as 1h or 7d, or a time such as 2026-05-01 or 2026-05-01T09:30:00Z.',
    );
  return { atMs };
}

/** The id of a subject, token or request, or an address: whatever a record can hold. */
export function recordedArgument(text: string): string {
  if (!isRevocableId(text) && parseEmail(text) === undefined)
    throw new InvalidArgumentError('Write 1 to 128 visible ASCII characters.');
  return text;
}

export function clientInTenantArgument(text: string): NonNullable<AuditOptions['client']> {
  const parts = text.split('/');
  const [client, project, tenant] = [...parts].reverse();
  const projectId = parseProjectId(project);
  const clientId = parseClientId(client);
  const isForm = parts.length === 2 || (parts.length === 3 && parseProjectId(tenant) !== undefined);
  if (projectId === undefined || clientId === undefined || !isForm)
    throw new InvalidArgumentError('Write project/client, such as shop/web, or tenant/project/client.');
  return { tenantId: tenant, projectId, clientId };
}

export function limitArgument(text: string): number {
  const limit = Number(text);
  if (!/^[1-9][0-9]{0,5}$/.test(text) || limit > 100_000)
    throw new InvalidArgumentError('Write a whole number from 1 to 100000.');
  return limit;
}

/**
 * What to ask the store.
 *
 * @param warn receives one line for each tenant whose people cannot be looked up
 */
export async function readFilter(
  stores: Installation,
  options: AuditOptions,
  warn: (line: string) => void,
): Promise<AuditFilter> {
  const { subject, client, token, request, outcome, limit } = options;
  const tenantId = options.tenant ?? client?.tenantId;
  const nowMs = stores.clock.nowMs();
  const timeOf = (time: GivenTime | undefined) =>
    time === undefined ? undefined : 'atMs' in time ? time.atMs : nowMs - time.agoMs;
  return {
    sinceMs: timeOf(options.since),
    untilMs: timeOf(options.until),
    tenantId,
    subjects: subject === undefined ? undefined : await namesOf(stores, tenantId, subject, warn),
    client: client && { projectId: client.projectId, clientId: client.clientId },
    tokenId: token,
    requestId: request,
    outcome,
    limit,
  };
}

/** An id is taken as it is: its person may be gone. An address is the person who has it now, and the digest of records from before that. */
async function namesOf(
  stores: Installation,
  tenantId: string | undefined,
  subject: string,
  warn: (line: string) => void,
): Promise<SubjectName[]> {
  const names: SubjectName[] = isRevocableId(subject) ? [{ tenantId, column: 'subject_id', value: subject }] : [];
  const email = parseEmail(subject)?.canonical;
  if (email === undefined) return names;
  const states = await stores.controlPlane.readTenants();
  const asked = tenantId === undefined ? states : states.filter(({ tenant }) => tenant.id === tenantId);
  const users = new CopiedUserDirectory(stores.directories);
  for (const state of asked) {
    const { id } = state.tenant;
    const add = (column: SubjectName['column'], value: string) => names.push({ tenantId: id, column, value });
    for (const administrator of state.administrators)
      if (hasAddress(administrator, email)) add('subject_id', administrator.id);
    try {
      const user = await users.findByEmail(state.tenant, email);
      if (user !== undefined) add('subject_id', user.id);
    } catch (error) {
      if (!(error instanceof TesseraError)) throw error;
      warn(
        `The users of tenant ${id} cannot be looked up, so records that name one by id are missing. ${explainError(error)}`,
      );
    }
    const digest = await digestOf(stores, id, email);
    if (digest !== undefined) add('subject_digest', digest);
  }
  return names;
}

async function digestOf(
  { vault }: Installation,
  tenantId: TenantId,
  email: Parameters<typeof subjectDigest>[2],
): Promise<string | undefined> {
  try {
    const key = await readDigestKey(vault, tenantId);
    return key === undefined ? undefined : subjectDigest(key, tenantId, email);
  } catch (error) {
    throw new OperatorError(
      `The key of the digests of unknown addresses cannot be read. ${explainError(error)} Or give an id instead of an address.`,
      { cause: error },
    );
  }
}
