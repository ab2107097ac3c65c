import { byCodeUnit } from '../../provisioning/file/readers/read-fields.ts';
import { type Check, type Finding, type Found, MAX_FOUND } from './finding.ts';
import { failureOf } from './failure.ts';

/** Above this number, an installation has one cause for many findings, and the rest would not help to find it. */
const MAX_FINDINGS = 10_000;

/** Collects the findings. Each is kept once: a dependency that is away fails every check that needs it. */
export class Report {
  readonly #findings = new Map<string, Finding>();
  #left = 0;
  /** The secret store as a whole is away. What needs it is not tried again. */
  vaultIsAway = false;

  add(check: string, found: Found): void {
    const key = JSON.stringify([found.object, found.problem]);
    if (this.#findings.has(key)) return;
    if (this.#findings.size < MAX_FINDINGS) this.#findings.set(key, { check, ...found });
    else this.#left += 1;
  }

  addAll(check: string, object: string, found: readonly Found[]): void {
    for (const one of found.slice(0, MAX_FOUND)) this.add(check, one);
    const severity = found[0]?.severity;
    if (severity !== undefined && found.length > MAX_FOUND)
      this.add(check, {
        severity,
        object,
        problem: `${check}: more findings than the ${MAX_FOUND} that are shown`,
        command: 'Mend those, then run: tessera doctor',
      });
  }

  /**
   * Runs one check. A check that throws is a finding, too.
   *
   * @param object what a failure is about, if the failure itself does not say
   * @param isKnown whether a failure follows from what was found before
   * @returns whether the check ran, and found nothing
   */
  async run<Facts>(
    check: Check<Facts>,
    facts: Facts,
    object: string,
    isKnown: (error: unknown) => boolean = () => false,
  ): Promise<boolean> {
    try {
      const found = await check.run(facts);
      this.addAll(check.name, object, found);
      return found.length === 0;
    } catch (error) {
      if (!isKnown(error)) this.fail(check.name, object, error);
      return false;
    }
  }

  fail(check: string, object: string, error: unknown): void {
    const failure = failureOf(error, object);
    if (failure.isVaultAway) {
      // The reasons alternate while it is away, and one of them is enough.
      if (this.vaultIsAway) return;
      this.vaultIsAway = true;
    }
    this.add(failure.check ?? check, failure.found);
  }

  /** By object, so that what belongs together is read together. */
  findings(): readonly Finding[] {
    const findings = [...this.#findings.values()].sort(
      (a, b) => byCodeUnit(a.object, b.object) || byCodeUnit(a.check, b.check),
    );
    if (this.#left === 0) return findings;
    const more: Finding = {
      check: 'doctor',
      severity: 'fault',
      object: 'installation',
      problem: `${this.#left} more findings`,
      command: 'Mend those above, then run: tessera doctor',
    };
    return [...findings, more];
  }
}
