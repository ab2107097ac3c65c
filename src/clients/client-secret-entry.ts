import { randomBytes } from 'node:crypto';
import { Secret } from '../config/secret.ts';
import { type TesseraError, unavailable } from '../errors/tessera-error.ts';
import { ID_PATTERN } from '../domain/ids.ts';

/** The Vault entry at `secret/<tenant>/<project>/<client>`: the credentials of one client. */
export interface ClientSecretEntry {
  /** `secret_id`: written by an operator, in plain text. Empty or blank text counts as none. */
  readonly handPlaced: Secret | undefined;
  /** `secrets`: made by Tessera, shown once, stored as hashes. Includes expired ones. */
  readonly generated: readonly GeneratedSecret[];
}

export interface GeneratedSecret {
  readonly id: string;
  readonly sha256: Buffer;
  /** Epoch seconds. */
  readonly createdAt: number;
  /** Epoch seconds; valid before, not at, that second. Undefined: valid until it is retired. */
  readonly expiresAt: number | undefined;
  readonly label: string | undefined;
}

type Document = Readonly<Record<string, unknown>>;

// Two live ones, and room for expired ones that were not removed yet. Tessera never writes more.
const MAX_GENERATED = 64;
const MAX_LABEL = 200;
const SHA256_HEX = /^[0-9a-f]{64}$/;

/** @throws TesseraError `temporarily_unavailable`: a malformed entry is an outage of the store, never "no secret" */
export function parseClientSecretEntry(data: Document): ClientSecretEntry {
  const { secret_id: handPlaced, secrets = [] } = data;
  if (handPlaced !== undefined && typeof handPlaced !== 'string') throw malformed();
  if (!Array.isArray(secrets) || secrets.length > MAX_GENERATED) throw malformed();
  const generated = secrets.map(parseGeneratedSecret);
  if (new Set(generated.map(({ id }) => id)).size !== generated.length) throw malformed();
  return {
    handPlaced: handPlaced === undefined || handPlaced.trim() === '' ? undefined : new Secret(handPlaced),
    generated,
  };
}

function parseGeneratedSecret(value: unknown): GeneratedSecret {
  if (!isDocument(value)) throw malformed();
  const { id, sha256, created_at: createdAt, expires_at: expiresAt, label } = value;
  if (typeof id !== 'string' || !ID_PATTERN.test(id)) throw malformed();
  if (typeof sha256 !== 'string' || !SHA256_HEX.test(sha256)) throw malformed();
  if (!isEpochSeconds(createdAt)) throw malformed();
  if (expiresAt !== undefined && !isEpochSeconds(expiresAt)) throw malformed();
  if (label !== undefined && (typeof label !== 'string' || label.length > MAX_LABEL)) throw malformed();
  return { id, sha256: digestOf(sha256), createdAt, expiresAt, label };
}

/** Not of Buffer's pool: the digests are kept in memory, and each would keep 8 KB of it. */
function digestOf(hex: string): Buffer {
  const digest = Buffer.alloc(hex.length / 2);
  digest.write(hex, 'hex');
  return digest;
}

/**
 * The document to write back.
 *
 * @param previous the document that was read, so that unknown members are kept; `{}` for a new entry
 */
export function formatClientSecretEntry(entry: ClientSecretEntry, previous: Document): Document {
  return {
    ...previous,
    // Undefined if there is none, which removes the member of `previous`: JSON drops it.
    secret_id: entry.handPlaced && Secret.reveal(entry.handPlaced),
    secrets: entry.generated.map((secret) => ({
      ...previousRecord(previous, secret.id),
      id: secret.id,
      sha256: secret.sha256.toString('hex'),
      created_at: secret.createdAt,
      expires_at: secret.expiresAt,
      label: secret.label,
    })),
  };
}

function previousRecord(previous: Document, id: string): Document | undefined {
  const records: readonly unknown[] = Array.isArray(previous.secrets) ? previous.secrets : [];
  return records.filter(isDocument).find((record) => record.id === id);
}

/** The generated secrets that are valid at this second. */
export function liveSecrets(entry: ClientSecretEntry, nowSeconds: number): GeneratedSecret[] {
  return entry.generated.filter(({ expiresAt }) => expiresAt === undefined || nowSeconds < expiresAt);
}

export function hasLiveSecret(entry: ClientSecretEntry, nowSeconds: number): boolean {
  return entry.handPlaced !== undefined || liveSecrets(entry, nowSeconds).length > 0;
}

/** Makes a new secret of 256 random bits and the record to store. The secret itself is shown once and not stored. */
export function newClientSecret(
  nowSeconds: number,
  options: { readonly expiresAt?: number | undefined; readonly label?: string | undefined } = {},
): { secret: Secret; record: GeneratedSecret } {
  // The prefix lets secret scanners and people recognize a leaked secret.
  const secret = new Secret(`tsk_${randomBytes(32).toString('base64url')}`);
  const record = {
    id: randomBytes(6).toString('hex'),
    sha256: secret.sha256(),
    createdAt: nowSeconds,
    expiresAt: options.expiresAt,
    label: options.label,
  };
  return { secret, record };
}

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEpochSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function malformed(): TesseraError {
  return unavailable('vault', 'the entry is malformed');
}
