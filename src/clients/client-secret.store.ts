import { HAND_PLACED_ID } from './client-secrets.ts';
import type { Secret } from '../config/secret.ts';
import { OperatorError } from '../errors/operator-error.ts';
import {
  type ClientSecretEntry,
  formatClientSecretEntry,
  hasLiveSecret,
  liveSecrets,
  newClientSecret,
  parseClientSecretEntry,
} from './client-secret-entry.ts';
import { clientSecretPath, type VaultPath } from '../vault/vault-path.ts';
import { VaultConflict, type VaultService } from '../vault/vault.service.ts';
import type { ClientId, ProjectId, TenantId } from '../domain/ids.ts';
import { type Clock, epochSeconds } from '../domain/clock.ts';

export interface ClientName {
  readonly tenantId: TenantId;
  readonly projectId: ProjectId;
  readonly clientId: ClientId;
}

/** One in use and one to change to. With more, it would be unclear which service uses which. */
const MAX_LIVE = 2;

const EMPTY: ClientSecretEntry = { handPlaced: undefined, generated: [] };

export interface AddOptions {
  readonly expiresInSeconds: number | undefined;
  readonly label: string | undefined;
}

/** The next entry and the result, or a message for the operator that ends with the fix. */
type Decision<T> = { readonly entry: ClientSecretEntry; readonly result: T } | { readonly refusal: string };

/** Stores clients' credentials in Vault. Each change is one check-and-set write, so a killed process leaves it either done or not done. */
export class ClientSecretStore {
  readonly #vault: VaultService;
  readonly #clock: Clock;

  constructor(vault: VaultService, clock: Clock) {
    this.#vault = vault;
    this.#clock = clock;
  }

  async read(client: ClientName): Promise<ClientSecretEntry> {
    const stored = await this.#vault.read(pathOf(client));
    return stored === undefined ? EMPTY : parseClientSecretEntry(stored.data);
  }

  async hasLiveSecret(client: ClientName): Promise<boolean> {
    return hasLiveSecret(await this.read(client), this.#now());
  }

  /** Makes a secret for a client without a live one; undefined if it has one. Durable when it resolves. */
  ensure(client: ClientName): Promise<Secret | undefined> {
    return this.#change<Secret | undefined>(client, (entry) => {
      if (hasLiveSecret(entry, this.#now())) return { entry, result: undefined };
      const { secret, record } = newClientSecret(this.#now());
      return { entry: { ...entry, generated: [...entry.generated, record] }, result: secret };
    });
  }

  /** @throws OperatorError if two are live already */
  add(client: ClientName, options: AddOptions): Promise<{ secret: Secret; id: string }> {
    return this.#change(client, (entry) => {
      if (this.#isFull(entry)) return twoAreLive(client);
      const expiresAt = options.expiresInSeconds === undefined ? undefined : this.#now() + options.expiresInSeconds;
      const { secret, record } = newClientSecret(this.#now(), { expiresAt, label: options.label });
      return { entry: { ...entry, generated: [...entry.generated, record] }, result: { secret, id: record.id } };
    });
  }

  /**
   * Retires a secret, at once or later.
   *
   * @param last what happens to the last live one: a client that authenticates by secrets keeps it
   * @throws OperatorError if there is no such secret, or if the last live one is kept and is this one
   */
  retire(
    client: ClientName,
    secretId: string,
    afterSeconds: number,
    last: 'is kept' | 'is retired too',
  ): Promise<undefined> {
    return this.#change(client, (entry) => {
      const rest = without(entry, secretId);
      if (rest === undefined)
        return {
          refusal: `Client ${nameOf(client)} has no secret with this id: list them with \`tessera secrets list ${nameOf(client)}\`.`,
        };
      if (last === 'is kept' && !hasLiveSecret(rest, this.#now() + afterSeconds))
        return {
          refusal: `Client ${nameOf(client)} would have no live secret left: add another first with \`tessera secrets add ${nameOf(client)}\`.`,
        };
      if (afterSeconds === 0) return { entry: rest, result: undefined };
      if (secretId === HAND_PLACED_ID)
        return { refusal: 'The operator-provided secret cannot be retired later: retire it without --in.' };
      const end = this.#now() + afterSeconds;
      const generated = entry.generated.map((secret) =>
        secret.id === secretId ? { ...secret, expiresAt: Math.min(end, secret.expiresAt ?? end) } : secret,
      );
      return { entry: { ...entry, generated }, result: undefined };
    });
  }

  /**
   * Replaces all secrets with this label by a new one, for a command that shows a usable secret at every run.
   *
   * @returns undefined if two others are live already; then nothing is changed
   */
  replaceLabelled(client: ClientName, label: string): Promise<Secret | undefined> {
    return this.#change<Secret | undefined>(client, (entry) => {
      const { secret, record } = newClientSecret(this.#now(), { label });
      const others = { ...entry, generated: entry.generated.filter((other) => other.label !== label) };
      if (this.#isFull(others)) return { entry, result: undefined };
      return { entry: { ...others, generated: [...others.generated, record] }, result: secret };
    });
  }

  async #change<T>(client: ClientName, decide: (entry: ClientSecretEntry) => Decision<T>): Promise<T> {
    const path = pathOf(client);
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const stored = await this.#vault.read(path);
      const entry = stored === undefined ? EMPTY : parseClientSecretEntry(stored.data);
      const decision = decide(entry);
      if ('refusal' in decision) throw new OperatorError(decision.refusal);
      if (decision.entry === entry) return decision.result;
      try {
        const kept = { ...decision.entry, generated: liveSecrets(decision.entry, this.#now()) };
        await this.#vault.write(path, formatClientSecretEntry(kept, stored?.data ?? {}), stored?.version ?? 0);
        return decision.result;
      } catch (error) {
        if (!(error instanceof VaultConflict)) throw error;
      }
    }
    throw notWritable(path);
  }

  #isFull(entry: ClientSecretEntry): boolean {
    return liveSecrets(entry, this.#now()).length + (entry.handPlaced === undefined ? 0 : 1) >= MAX_LIVE;
  }

  #now(): number {
    return epochSeconds(this.#clock.nowMs());
  }
}

export function nameOf({ tenantId, projectId, clientId }: ClientName): string {
  return `${tenantId}/${projectId}/${clientId}`;
}

function pathOf({ tenantId, projectId, clientId }: ClientName): VaultPath {
  return clientSecretPath(tenantId, projectId, clientId);
}

function without(entry: ClientSecretEntry, secretId: string): ClientSecretEntry | undefined {
  if (secretId === HAND_PLACED_ID)
    return entry.handPlaced === undefined ? undefined : { ...entry, handPlaced: undefined };
  const generated = entry.generated.filter(({ id }) => id !== secretId);
  return generated.length === entry.generated.length ? undefined : { ...entry, generated };
}

function twoAreLive(client: ClientName): { refusal: string } {
  const name = nameOf(client);
  return {
    refusal: `Client ${name} has two live secrets already: list them with \`tessera secrets list ${name}\` and retire the one that is not used with \`tessera secrets retire\`.`,
  };
}

/** The entry cannot be read, but also not be written as new: KV version 2 keeps the versions of a deleted entry. */
function notWritable(path: VaultPath): OperatorError {
  return new OperatorError(
    `The Vault entry ${path} is being changed by others, or was deleted: undelete it, or remove its metadata with \`vault kv metadata delete\`, then run the command again.`,
  );
}
