import type { VaultFailure } from '../../errors/dependency-failure.ts';
import { type TesseraError, unavailable } from '../../errors/tessera-error.ts';
import type { Answer, NoAnswer, NotReached } from './vault-client.ts';
import type { VaultEntry } from '../vault.service.ts';

/** Strict parsers of Vault's answers. An answer that is not in the documented form is an outage, never "not found". Pure functions. */

export type Found =
  | { readonly kind: 'entry'; readonly entry: VaultEntry }
  /** The newest version is deleted or destroyed. The next write must give its number. */
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
  // For a deleted version, Vault answers 404 with its metadata.
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
  // A stale check-and-set version has no status of its own.
  if (answer.status === 400 && says(answer, 'check-and-set parameter did not match')) return 'stale';
  if (answer.status === 403 && !refusesToken(answer)) throw unavailable('vault', 'our policy does not allow to write');
  throw refusal(answer);
}

/** Of `LIST <mount>/metadata/<folder>`: names; those of folders end with a slash. */
export function readNames(answer: Answer): string[] {
  const keys = membersOf(membersOf(answer.body)?.['data'])?.['keys'];
  if (answer.status === 200 && Array.isArray(keys) && keys.every((key) => typeof key === 'string')) return keys;
  if (isNothingThere(answer)) return [];
  throw refusal(answer);
}

/** Of `GET sys/internal/ui/mounts/<mount>`. A version 1 mount would treat our paths as names of its own entries. */
export function requireVersion2(answer: Answer): void {
  // Vault also says this for a mount that does not exist.
  if (answer.status === 403 && says(answer, 'preflight capability check'))
    throw unavailable('vault', 'the mount does not exist, or our policy grants nothing on it');
  if (answer.status !== 200) throw refusal(answer);
  const mount = membersOf(membersOf(answer.body)?.['data']);
  if (mount?.['type'] !== 'kv') throw unavailable('vault', 'the mount is not a KV engine');
  if (membersOf(mount['options'])?.['version'] !== '2') throw unavailable('vault', 'the mount is not KV version 2');
}

/** `errors: []` means that the path is valid and empty. For a wrong mount or namespace, or from a proxy, the answer differs. */
function isNothingThere(answer: Answer): boolean {
  const body = membersOf(answer.body);
  return answer.status === 404 && body?.['data'] === undefined && errorsOf(answer)?.length === 0;
}

export interface Lease {
  /** 0: never expires. */
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

/** Fixed phrases for why Vault was not reached. */
const NOT_REACHED: Readonly<Record<NotReached, VaultFailure>> = {
  refused: 'it cannot be reached',
  'unknown host': 'its host name is not known',
  certificate: 'its certificate is not trusted',
  tls: 'the TLS connection failed',
};

export function late(): TesseraError {
  return unavailable('vault', 'no answer in time');
}

/** The error for an unexpected answer. Vault's text is not passed on: it may quote the request. */
export function refusal(outcome: Answer | NoAnswer): TesseraError {
  if (!isAnswer(outcome)) {
    if (outcome.fault === 'late') return late();
    if (outcome.fault === 'broken') return unavailable('vault', 'the connection broke');
    return unavailable('vault', NOT_REACHED[outcome.because]);
  }
  return unavailable('vault', reasonOf(outcome));
}

function reasonOf(answer: Answer): VaultFailure {
  const { status } = answer;
  if (status === 503) return 'it is sealed or not ready';
  if (status === 403) return refusesToken(answer) ? 'it refuses our token' : 'our policy does not allow this';
  if (status === 404) {
    if (says(answer, 'namespace not found')) return 'the namespace does not exist';
    return says(answer, 'no handler for route') ? 'the mount does not exist' : 'the mount or namespace does not exist';
  }
  if (status === 429) return 'it limits our requests';
  if (status === 472 || status === 473) return 'it is a standby';
  if (status >= 300 && status < 400) return 'it redirects to another server';
  if (status === 400 && says(answer, 'HTTP request to an HTTPS server')) return 'it speaks TLS and VAULT_ADDR is http';
  if (status >= 500) return says(answer, 'standby') ? 'it is a standby' : 'it failed';
  return 'its answer is not as documented';
}

/**
 * Whether the token itself is refused. For a path that a policy forbids, Vault sends a list ("1 error occurred"); for an unknown token, only these
 * words or these words with a reason.
 */
function refusesToken(answer: Answer): boolean {
  const errors = errorsOf(answer) ?? [];
  return errors.length === 0 || errors.some((text) => text === 'permission denied' || text.includes('invalid token'));
}

function says(answer: Answer, words: string): boolean {
  // A TLS listener answers an HTTP request in plain text.
  if (typeof answer.body === 'string') return answer.body.includes(words);
  return errorsOf(answer)?.some((text) => text.includes(words)) ?? false;
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
