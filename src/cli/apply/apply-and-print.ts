import type { Config } from '../../config/config.ts';
import type { Report } from '../../provisioning/apply/apply-plan.ts';
import type { OutputFormat, Terminal } from '../terminal.ts';
import { applyFile, type ApplyRules, planOnly, type ToApply } from './apply-file.ts';
import { printReport } from './print-report.ts';

interface Printing {
  readonly output: OutputFormat;
  readonly dryRun: boolean;
}

/** @returns what was done; failures of single tenants are printed, but are no errors of this function */
export async function applyAndPrint(
  config: Config,
  file: ToApply,
  rules: ApplyRules,
  printing: Printing,
  terminal: Terminal,
): Promise<Report> {
  const report: Report = { changes: [], secrets: [], failures: [] };
  try {
    await applyFile(config, file, rules, report, terminal);
  } catch (error) {
    // Print even after a failure: these secrets exist, and nobody has seen them yet.
    if (report.changes.length + report.secrets.length > 0) printReport(report, printing, terminal);
    throw error;
  }
  printReport(report, printing, terminal);
  return report;
}

/** The same for a dry run. */
export async function planAndPrint(
  config: Config,
  file: ToApply,
  rules: ApplyRules,
  printing: Printing,
  terminal: Terminal,
): Promise<Report> {
  const { changes, plan } = await planOnly(config, file, rules, terminal);
  const report: Report = { changes, secrets: [], failures: [...plan.failures] };
  printReport(report, printing, terminal);
  return report;
}
