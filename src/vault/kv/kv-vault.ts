import { isDeepStrictEqual } from 'node:util';
import type { VaultConfig } from '../../config/config.ts';
import { Secret } from '../../config/secret.ts';
import type { Log } from '../../logging/log.ts';
import type { Clock } from '../../domain/clock.ts';
import { Deadline } from '../../runtime/deadline.ts';
import { OperationGate } from './operation-gate.ts';
import {
  type Found,
  isAnswer,
  late,
  readFound,
  readNames,
  readWritten,
  refusal,
  requireVersion2,
} from './vault-answer.ts';
import { type Answer, type Library, VaultClient } from './vault-client.ts';
import { parseVaultPath, type VaultFolder, type VaultPath } from '../vault-path.ts';
import { createSession, type VaultSession } from './vault-session.ts';
import { VaultConflict, type VaultEntry, VaultService } from '../vault.service.ts';

type Call = (library: Library, token: string) => PromiseLike<unknown>;

/**
 * The store in HashiCorp Vault or OpenBao, KV version 2. Every operation ends within `timeoutMs`, including waiting, login and retries. At most
 * `maxConcurrency` run at a time. It connects at its first use and reconnects by itself after an outage.
 */
export class KvVault extends VaultService {
  readonly #config: Extract<VaultConfig, { kind: 'vault' }>;
  readonly #clock: Clock;
  readonly #client: VaultClient;
  readonly #session: VaultSession;
  readonly #gate: OperationGate;
  #mountIsVersion2 = false;

  constructor(config: Extract<VaultConfig, { kind: 'vault' }>, clock: Clock, log: Log) {
    super();
    this.#config = config;
    this.#clock = clock;
    this.#client = new VaultClient(config);
    this.#session = createSession(config.auth, this.#client, clock, log);
    this.#gate = new OperationGate(config.maxConcurrency);
  }

  override read(path: VaultPath): Promise<VaultEntry | undefined> {
    return this.#operation(async (deadline) => {
      const found = await this.#find(path, deadline);
      return found.kind === 'entry' ? found.entry : undefined;
    });
  }

  override write(path: VaultPath, data: VaultEntry['data'], expectedVersion: number): Promise<number> {
    return this.#operation((deadline) => this.#write(path, data, expectedVersion, deadline));
  }

  override destroy(path: VaultPath): Promise<void> {
    const { mount } = this.#config;
    return this.#operation(async (deadline) => {
      const { answer } = await this.#request(
        (library, token) => library.eliminateKVSecret(token, path, mount),
        deadline,
      );
      if (answer.status !== 204) throw refusal(answer);
    });
  }

  /** Each folder is a separate operation with its own time limit. */
  override async list(folder: VaultFolder): Promise<VaultPath[]> {
    const paths: VaultPath[] = [];
    const folders: string[] = [folder];
    for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
      for (const name of await this.#names(next)) {
        const path = parseVaultPath(`${next}/${name.replace(/\/$/, '')}`);
        if (path === undefined) continue;
        if (name.endsWith('/')) folders.push(path);
        else paths.push(path);
      }
    }
    return paths.sort();
  }

  /** Checks what every read needs: Vault is unsealed, the token is valid, the mount exists and has version 2. */
  override async check(): Promise<void> {
    await this.now();
  }

  override now(): Promise<number | undefined> {
    return this.#operation((deadline) => this.#checkMount(deadline), { mountFirst: false });
  }

  async close(): Promise<void> {
    await this.#session.close();
    this.#client.close();
  }

  #operation<T>(work: (deadline: Deadline) => Promise<T>, { mountFirst } = { mountFirst: true }): Promise<T> {
    const deadline = new Deadline(this.#clock, this.#config.timeoutMs);
    return this.#gate.run(deadline, async () => {
      if (mountFirst && !this.#mountIsVersion2) await this.#checkMount(deadline);
      return work(deadline);
    });
  }

  /** @returns the time that the answer is dated with */
  async #checkMount(deadline: Deadline): Promise<number | undefined> {
    const url = `/sys/internal/ui/mounts/${this.#config.mount}`;
    const { answer } = await this.#request(
      (library, token) => library.request({ url, method: 'get', headers: { 'X-Vault-Token': token } }),
      deadline,
    );
    requireVersion2(answer);
    this.#mountIsVersion2 = true;
    return answer.dateMs;
  }

  async #find(path: VaultPath, deadline: Deadline): Promise<Found> {
    const { mount } = this.#config;
    const read: Call = (library, token) => library.readKVSecret(token, path, undefined, mount);
    return readFound((await this.#request(read, deadline)).answer);
  }

  #names(folder: string): Promise<string[]> {
    const { mount } = this.#config;
    return this.#operation(async (deadline) => {
      const list: Call = (library, token) => library.listKVSecrets(token, folder, mount);
      return readNames((await this.#request(list, deadline)).answer);
    });
  }

  async #write(path: VaultPath, data: VaultEntry['data'], expected: number, deadline: Deadline): Promise<number> {
    const { mount } = this.#config;
    let version = expected;
    for (;;) {
      const base = version;
      const write: Call = (library, token) => library.updateKVSecret(token, path, data, base, mount);
      const { answer, repeated } = await this.#request(write, deadline);
      const written = readWritten(answer);
      if (written !== 'stale') return written;
      // Another write came first, unless it was our own first try, or the entry was deleted.
      if (!repeated && expected !== 0) throw new VaultConflict();
      const found = await this.#find(path, deadline);
      if (repeated && isOurs(found, base + 1, data)) return base + 1;
      if (expected !== 0 || found.kind !== 'deleted' || found.version === base) throw new VaultConflict();
      // Vault expects the deleted version's number. If another writer comes first, that number is stale too.
      version = found.version;
    }
  }

  /**
   * Sends one request, with one retry after a broken or silent connection, and one with another token after a 403.
   *
   * Retrying is safe for every call of this class: reads and removals are idempotent, and of two writes with the same check-and-set version only one
   * succeeds. `repeated` means that an earlier try may have been the one that succeeded.
   */
  async #request(call: Call, deadline: Deadline): Promise<{ answer: Answer; repeated: boolean }> {
    let repeated = false;
    let replaced = false;
    for (;;) {
      const token = await this.#session.token(deadline);
      const remainingMs = deadline.remainingMs();
      if (remainingMs === 0) throw late();
      // Half the time for the first try: after silence on an old connection, a new one often works.
      const timeoutMs = repeated ? remainingMs : Math.min(remainingMs, this.#config.timeoutMs / 2);
      const outcome = await this.#client.call((library) => call(library, Secret.reveal(token)), timeoutMs);
      if (!isAnswer(outcome)) {
        if (repeated || outcome.fault === 'not reached' || deadline.isOver()) throw refusal(outcome);
        repeated = true;
      } else if (outcome.status === 403 && !replaced && (await this.#session.replace(token, deadline))) {
        replaced = true;
      } else {
        return { answer: outcome, repeated };
      }
    }
  }
}

function isOurs(found: Found, version: number, data: VaultEntry['data']): boolean {
  if (found.kind !== 'entry' || found.entry.version !== version) return false;
  // Compare as JSON, which drops undefined members.
  return isDeepStrictEqual(found.entry.data, JSON.parse(JSON.stringify(data)));
}
