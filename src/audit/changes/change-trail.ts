import { randomUUID } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import type { ControlPlane } from '../../control-plane/control-plane.ts';
import { AuditRecordEntity } from '../../control-plane/entities/audit-record.entity.ts';
import { mayBeShown, shownPath } from '../../domain/text/shown-change.ts';
import type { Clock } from '../../domain/clock.ts';
import { TesseraError } from '../../errors/tessera-error.ts';
import { bounded } from '../audit-statements.ts';
import {
  type ChangeGroup,
  type ChangeSubject,
  groupBySubject,
  inRecords,
  type RecordedChange,
  sharedSubject,
} from './change-subjects.ts';

/** Who changes something, and with what. */
export interface Operator {
  /** The operating system's name of the user. */
  readonly user: string;
  readonly host: string;
  /** Its words without arguments, such as `keys rotate`. */
  readonly command: string;
}

/** What a command is about to do to one tenant. */
export interface IntendedChanges {
  /** Undefined: the installation as a whole. */
  readonly tenantId?: string | undefined;
  readonly changes: readonly RecordedChange[];
}

/** A step of a command: it began, it changed something, or it ended with an error. */
type ChangeOutcome = 'started' | 'changed' | 'failed';

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
  readonly #failures = new Map<string, unknown>();
  #intended: { readonly tenantId: string | undefined; readonly about: ChangeSubject } | undefined;

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

  /** Says that what was noted for the tenant may have been changed in part, and that the command goes on with others. */
  noteFailure(tenantId: string, error: unknown): void {
    this.#failures.set(tenantId, error);
    // Its transaction may have been undone after the record was written in it.
    this.#recorded.delete(tenantId);
  }

  /** @param intended one for each tenant */
  start(intended: readonly IntendedChanges[]): Promise<void> {
    const started = intended.map(({ tenantId, changes }) => {
      const about = sharedSubject(tenantId, changes);
      const parts = changes.length === 0 ? [changes] : inRecords(changes);
      return { tenantId, about, groups: parts.map((part) => ({ about, changes: part })) };
    });
    if (started.length === 1) this.#intended = started[0];
    return this.#controlPlane.transaction(async (manager) => {
      for (const { tenantId, groups } of started) await this.#insert(manager, 'started', tenantId, groups);
    });
  }

  override async insertInto(
    manager: EntityManager,
    tenantId: string,
    changes?: readonly RecordedChange[],
  ): Promise<void> {
    await this.#insertChanged(manager, tenantId, changes ?? this.#noted.get(tenantId) ?? []);
    if (changes === undefined) this.#recorded.add(tenantId);
  }

  /** Records what was noted and changed nothing in the control database, and what failed. */
  async finish(): Promise<void> {
    const left = [...this.#noted].filter(([tenantId]) => !this.#recorded.has(tenantId));
    if (left.length === 0) return;
    await this.#controlPlane.transaction(async (manager) => {
      for (const [tenantId, changes] of left) {
        const hasFailed = tenantId !== undefined && this.#failures.has(tenantId);
        if (hasFailed) await this.#insertFailed(manager, tenantId, changes);
        else await this.#insertChanged(manager, tenantId, changes);
      }
    });
  }

  #insertFailed(manager: EntityManager, tenantId: string, changes: readonly RecordedChange[]): Promise<void> {
    const groups = inRecords(changes).map((part) => ({ about: sharedSubject(tenantId, changes), changes: part }));
    return this.#insert(manager, 'failed', tenantId, groups, reasonOf(this.#failures.get(tenantId)));
  }

  /** Never rejects: the error of the command is what its operator has to see. */
  async fail(error: unknown): Promise<void> {
    const { tenantId, about = {} } = this.#intended ?? {};
    await this.#controlPlane
      .transaction((manager) => this.#insert(manager, 'failed', tenantId, [{ about, changes: [] }], reasonOf(error)))
      .catch(() => undefined);
  }

  #insertChanged(
    manager: EntityManager,
    tenantId: string | undefined,
    changes: readonly RecordedChange[],
  ): Promise<void> {
    const groups = changes.length === 0 ? [{ about: {}, changes }] : groupBySubject(tenantId, changes);
    return this.#insert(manager, 'changed', tenantId, groups);
  }

  async #insert(
    manager: EntityManager,
    outcome: ChangeOutcome,
    tenantId: string | undefined,
    groups: readonly ChangeGroup[],
    reason?: string,
  ): Promise<void> {
    const { user, host, command } = this.#operator;
    for (const { about, changes } of groups)
      await manager.insert(AuditRecordEntity, {
        ...about,
        ...(about.subjectId !== undefined && { subjectId: bounded(shownPath(about.subjectId), 128) }),
        ...(about.tokenId !== undefined && { tokenId: bounded(about.tokenId, 128) }),
        ...(about.keyId !== undefined && { keyId: bounded(about.keyId, 128) }),
        atMs: this.#clock.nowMs(),
        requestId: this.#requestId,
        route: bounded(`cli:${command}`, 128) ?? '',
        // Not user@host, which has the form of an e-mail address.
        source: bounded(host, 64) ?? '',
        outcome,
        reason: bounded(reason, 255),
        tenantId: tenantId ?? null,
        details: JSON.stringify({ user, host, changes: changes.map(withoutAddresses) }),
      });
  }
}

/** Of other errors the message may hold anything. */
function reasonOf(error: unknown): string | undefined {
  return error instanceof TesseraError ? error.reason : undefined;
}

/** Whatever wrote the change: the records are kept for years. */
function withoutAddresses({ fields, id, ...change }: RecordedChange): RecordedChange {
  return {
    ...change,
    id: shownPath(id),
    ...(fields !== undefined && {
      fields: fields.map((one) => (mayBeShown(one.from, one.to) ? one : { field: one.field })),
    }),
  };
}
