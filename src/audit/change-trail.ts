import { randomUUID } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { AuditRecordEntity } from '../control-plane/entities/audit-record.entity.ts';
import type { Clock } from '../domain/clock.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { bounded } from './audit-statements.ts';

/** Who changes something, and with what. */
export interface Operator {
  /** The operating system's name of the user. */
  readonly user: string;
  readonly host: string;
  /** Its words without arguments, such as `keys rotate`. */
  readonly command: string;
}

/** What was done to one thing. No value in it is a secret, a token or an address. */
export interface RecordedChange {
  readonly action: 'create' | 'update' | 'remove';
  readonly kind: string;
  readonly id: string;
  readonly fields?: readonly { readonly field: string; readonly from?: unknown; readonly to?: unknown }[];
}

/** What a command is about to do. */
export interface IntendedChanges {
  /** Undefined: several tenants, or the installation as a whole. */
  readonly tenantId?: string | undefined;
  readonly changes: readonly RecordedChange[];
}

/** A step of a command: it began, it changed something, or it ended with an error. */
type ChangeOutcome = 'started' | 'changed' | 'failed';

/** More would only repeat the file that was applied. */
const MAX_CHANGES = 1000;

/** Writes the record of a change within the transaction that makes it. */
export abstract class ChangeRecords {
  /**
   * @param changes default: what was noted for the tenant
   */
  abstract insertInto(manager: EntityManager, tenantId: string, changes?: readonly RecordedChange[]): Promise<void>;
}

/** For stores outside of commands, in tests. */
export const NO_CHANGE_RECORDS: ChangeRecords = Object.freeze({ insertInto: () => Promise.resolve() });

/**
 * The records of one command, which share a request id. A record says `started` before anything is changed. Changes in the control database are recorded
 * in their own transactions; those in other stores after them. If the command is killed in between, `started` is what remains: it may have changed
 * something.
 */
export class ChangeTrail extends ChangeRecords {
  readonly #controlPlane: ControlPlane;
  readonly #clock: Clock;
  readonly #operator: Operator;
  readonly #requestId = randomUUID();
  readonly #noted = new Map<string | undefined, readonly RecordedChange[]>();
  readonly #recorded = new Set<string | undefined>();

  constructor(controlPlane: ControlPlane, clock: Clock, operator: Operator) {
    super();
    this.#controlPlane = controlPlane;
    this.#clock = clock;
    this.#operator = operator;
  }

  /** Says what will be changed, before it is. @param tenantId undefined: the installation as a whole */
  note(tenantId: string | undefined, changes: readonly RecordedChange[]): void {
    this.#noted.set(tenantId, changes);
    this.#recorded.delete(tenantId);
  }

  start({ tenantId, changes }: IntendedChanges): Promise<void> {
    return this.#controlPlane.transaction((manager) => this.#insert(manager, 'started', tenantId, changes));
  }

  override async insertInto(
    manager: EntityManager,
    tenantId: string,
    changes?: readonly RecordedChange[],
  ): Promise<void> {
    await this.#insert(manager, 'changed', tenantId, changes ?? this.#noted.get(tenantId) ?? []);
    if (changes === undefined) this.#recorded.add(tenantId);
  }

  /** Records what was noted and changed nothing in the control database. */
  async finish(): Promise<void> {
    const left = [...this.#noted].filter(([tenantId]) => !this.#recorded.has(tenantId));
    if (left.length === 0) return;
    await this.#controlPlane.transaction(async (manager) => {
      for (const [tenantId, changes] of left) await this.#insert(manager, 'changed', tenantId, changes);
    });
  }

  /** Never rejects: the error of the command is what its operator has to see. */
  async fail(error: unknown): Promise<void> {
    const reason = error instanceof TesseraError ? error.reason : undefined;
    await this.#controlPlane
      .transaction((manager) => this.#insert(manager, 'failed', undefined, [], reason))
      .catch(() => undefined);
  }

  async #insert(
    manager: EntityManager,
    outcome: ChangeOutcome,
    tenantId: string | undefined,
    changes: readonly RecordedChange[],
    reason?: string,
  ): Promise<void> {
    const { user, host, command } = this.#operator;
    const left = changes.length - MAX_CHANGES;
    await manager.insert(AuditRecordEntity, {
      atMs: this.#clock.nowMs(),
      requestId: this.#requestId,
      route: bounded(`cli:${command}`, 128) ?? '',
      source: bounded(`${user}@${host}`, 64) ?? '',
      outcome,
      reason: bounded(reason, 255),
      tenantId: tenantId ?? null,
      details: JSON.stringify({
        user,
        host,
        changes: changes.slice(0, MAX_CHANGES),
        ...(left > 0 && { further_changes: left }),
      }),
    });
  }
}
