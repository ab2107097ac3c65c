import { type TesseraError, unavailable } from '../errors/tessera-error.ts';
import { late } from './deadline.ts';
import type { Answer, NoAnswer } from './vault-client.ts';
import type { VaultEntry } from './vault.service.ts';

/** Vault's answers, read strictly: what does not have the documented form is an outage, never "nothing there". Pure. */

export type Found =
  | { readonly kind: 'entry'; readonly entry: VaultEntry }
  /** The newest version is deleted or destroyed; the next write must name it. */
  | { readonly kind: 'deleted'; readonly version: number }
  | { readonly kind: 'absent' };

type Members = Readonly<Record<string, unknown>>;

/** Of `GET <mount>/data/<path>`. */
export function readFound(answer: Answer): Found {
  const data = membersOf(membersOf(answer.body)?.['data']);
  const version = membersOf(data?.['metadata'])?.['version'];
  const content = membersOf(data?.['data']);
  if (answer.status === 200 && isVersion(version) && content !== undefined)
    return { kind: 'entry', entry: { version, data: content } };
  // A deleted version is answered with 404 and its metadata.
  if (answer.status === 404 && isVersion(version) && data?.['data'] === null) return { kind: 'deleted', version };
  if (isNothingThere(answer)) return { kind: 'absent' };
  throw refusal(answer);
}

/** Of `POST <mount>/data/<path>`. */
export function readWritten(answer: Answer): number | 'stale' {
  if (answer.status === 200) {
    const version = membersOf(membersOf(answer.body)?.['data'])?.['version'];
    if (isVersion(version)) return version;
  }
  // A stale check-and-set has no status of its own.
  const says = errorsOf(answer)?.some((text) => text.includes('check-and-set parameter did not match'));
  if (answer.status === 400 && says === true) return 'stale';
  throw refusal(answer);
}

/** Of `LIST <mount>/metadata/<folder>`: names, those of folders with a slash at the end. */
export function readNames(answer: Answer): string[] {
  const keys = membersOf(membersOf(answer.body)?.['data'])?.['keys'];
  if (answer.status === 200 && Array.isArray(keys) && keys.every((key) => typeof key === 'string')) return keys;
  if (isNothingThere(answer)) return [];
  throw refusal(answer);
}

/** Of `GET sys/internal/ui/mounts/<mount>`. A version 1 mount would take our paths for names of its own entries. */
export function requireVersion2(answer: Answer): void {
  if (answer.status !== 200) throw refusal(answer);
  const mount = membersOf(membersOf(answer.body)?.['data']);
  if (mount?.['type'] !== 'kv' || membersOf(mount['options'])?.['version'] !== '2')
    throw unavailable('vault', 'the mount is not KV version 2');
}

/** `errors: []` is how Vault says that the path is good and holds nothing; a wrong mount or namespace and a proxy say something else. */
function isNothingThere(answer: Answer): boolean {
  const body = membersOf(answer.body);
  return answer.status === 404 && body?.['data'] === undefined && errorsOf(answer)?.length === 0;
}

export interface Lease {
  /** 0: never ends. */
  readonly seconds: number;
  readonly renewable: boolean;
}

/** Of a login or a renewal. */
export function readAuth(answer: Answer): (Lease & { readonly token: string }) | undefined {
  const auth = answer.status === 200 ? membersOf(membersOf(answer.body)?.['auth']) : undefined;
  const { client_token: token, lease_duration: seconds, renewable } = auth ?? {};
  if (typeof token !== 'string' || token === '' || !isSeconds(seconds)) return undefined;
  return { token, seconds, renewable: renewable === true };
}

/** Of `GET auth/token/lookup-self`. */
export function readLookup(answer: Answer): Lease | undefined {
  const data = answer.status === 200 ? membersOf(membersOf(answer.body)?.['data']) : undefined;
  const { ttl: seconds, renewable } = data ?? {};
  return isSeconds(seconds) ? { seconds, renewable: renewable === true } : undefined;
}

export function isAnswer(outcome: Answer | NoAnswer): outcome is Answer {
  return 'status' in outcome;
}

/** The verdict for an answer that is not the one hoped for. Its text stays here: it may quote what was sent. */
export function refusal(outcome: Answer | NoAnswer): TesseraError {
  if (!isAnswer(outcome)) {
    if (outcome.fault === 'late') return late();
    return unavailable('vault', outcome.fault === 'broken' ? 'the connection broke' : 'it cannot be reached');
  }
  const { status } = outcome;
  if (status === 503) return unavailable('vault', 'it is sealed or not ready');
  if (status === 403) return unavailable('vault', 'it refuses our token or its policy does not allow this');
  if (status === 404) return unavailable('vault', 'the mount or namespace does not exist');
  if (status === 429) return unavailable('vault', 'it limits our requests');
  if (status >= 300 && status < 400) return unavailable('vault', 'it redirects to another server');
  if (status >= 500) return unavailable('vault', 'it failed');
  return unavailable('vault', 'its answer is not as documented');
}

function errorsOf(answer: Answer): string[] | undefined {
  const errors = membersOf(answer.body)?.['errors'];
  return Array.isArray(errors) && errors.every((text) => typeof text === 'string') ? errors : undefined;
}

function membersOf(value: unknown): Members | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : undefined;
}

function isVersion(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
