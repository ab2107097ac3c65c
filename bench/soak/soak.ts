/**
 * `npm run soak -- [--minutes 30] [--stores production|embedded] [--out FOLDER]`, after `npm run build`. A server under 60 % of the load that it can
 * take, while keys are rotated, tenants files applied, and tenants created and removed. Ends with 1 if something grows, a valid token is refused, a
 * revoked one is accepted, or the load could not be held.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { startHostileProvider } from '../../src/testing/hostile-provider.ts';
import { providerKey } from '../../src/testing/provider-tokens.ts';
import { REPOSITORY } from '../../test/support/servers/required-servers.ts';
import { pinThisProcess } from '../harness/pinned-process.ts';
import { untilAnswered } from '../harness/load.ts';
import { SAMPLE } from '../sample/sample-request.ts';
import { Changes } from './changes.ts';
import { judgeLoad } from './held-load.ts';
import { SoakInstallation, type StoresKind, TENANTS } from './installation.ts';
import { SoakLoad } from './load.ts';
import { drawPlots } from './plots.ts';
import { Requests } from './requests.ts';
import { Samples } from './samples.ts';
import { copyFailures } from '../harness/server-log.ts';
import { TokenChecks } from './token-checks.ts';
import { judge, printVerdicts } from './verdict.ts';

const LOAD_SHARE = 0.6;
const CALIBRATION = { clients: 16, seconds: 8 };
const MINUTE_MS = 60_000;
/** A plan for 30 minutes has 360 samples; a minute needs as many as a slope does. */
const SAMPLES = { longestMs: 5_000, least: 60 };

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    stores: { type: 'string', default: 'production' },
    out: { type: 'string', default: 'test-results/soak' },
  },
});
const minutes = Number(values.minutes);
if (!(minutes >= 1)) throw new Error('--minutes takes a number of at least 1');
if (values.stores !== 'production' && values.stores !== 'embedded')
  throw new Error('--stores takes production or embedded');
process.exitCode = (await soak(minutes * 60, values.stores, resolve(values.out))) ? 0 : 1;

/** @returns whether every criterion is met */
async function soak(seconds: number, stores: StoresKind, out: string): Promise<boolean> {
  await pinThisProcess();
  await mkdir(out, { recursive: true });
  const folder = await mkdtemp(join(tmpdir(), 'tessera-soak-'));
  const sampleMs = Math.min(SAMPLES.longestMs, (seconds * 1000) / SAMPLES.least);
  const probeFile = join(folder, 'probe.jsonl');
  const provider = await startHostileProvider();
  const key = providerKey('soak');
  provider.keys = [key.jwk];
  const installation = await SoakInstallation.make(folder, stores, provider.issuer, {
    NODE_OPTIONS: `--import=${pathToFileURL(join(REPOSITORY, 'bench/soak/probe.mjs')).href}`,
    SOAK_PROBE_FILE: probeFile,
    SOAK_PROBE_MS: String(sampleMs),
  });
  const { tessera } = installation;
  const server = await installation.start();
  const requests = new Requests(tessera.url, { issuer: provider.issuer, key });
  try {
    await untilAnswered(server, tessera.load([tessera.body(TENANTS[0]!, SAMPLE.email)]));
    const checks = new TokenChecks(tessera.url, requests);
    const load = new SoakLoad(
      requests,
      (tenant) => tessera.secretOf(tenant),
      (issued) => {
        checks.issued(issued);
      },
    );
    const perSecond = LOAD_SHARE * (await load.calibrate(CALIBRATION.clients, CALIBRATION.seconds));
    console.log(`${perSecond.toFixed(0)} requests/s for ${seconds / 60} minutes, on ${stores} stores`);
    const changes = new Changes(installation, requests, checks);
    const samples = new Samples(server, installation, requests, probeFile);
    const ending = new AbortController();
    const [startedAt, cpuBefore] = [performance.now(), server.cpuSeconds()];
    const work = [load.run(perSecond, ending.signal), changes.run(MINUTE_MS, ending.signal)];
    const until = startedAt + seconds * 1000;
    let cpuShare = 0;
    while (performance.now() < until && !server.hasEnded()) {
      await delay(sampleMs);
      await samples.take(load.issued);
      cpuShare = (server.cpuSeconds() - cpuBefore) / ((performance.now() - startedAt) / 1000);
    }
    ending.abort();
    await Promise.all(work);
    checks.close();
    const verdicts = judge(samples.series, seconds);
    const held = judgeLoad({ due: load.due, skipped: load.skipped, cpuShare });
    const isCrashed = server.hasEnded();
    const criteria = [
      `${load.issued} tokens issued, ${load.failed} requests failed`,
      ...held.lines,
      `${changes.rotations} rotations, ${changes.applies} applies, ${changes.guests} tenants created and removed, ${changes.failures.length} of it failed`,
      `${checks.verified + checks.verifiedAgain} valid tokens verified, ${checks.wronglyRefused} refused`,
      `${checks.revoked} revoked tokens verified, ${checks.wronglyAccepted} not refused as revoked within 2 s`,
      `the server was asked about ${checks.asked.valid} valid and ${checks.asked.revoked} revoked tokens of these`,
      ...(isCrashed ? [`the server ended:\n${server.lastLines()}`] : []),
    ];
    const isMet =
      !isCrashed &&
      held.isMet &&
      verdicts.every((verdict) => verdict.isMet) &&
      [load.failed, changes.failures.length, checks.wronglyRefused, checks.wronglyAccepted].every(
        (count) => count === 0,
      ) &&
      [checks.revoked, checks.asked.valid, checks.asked.revoked].every((count) => count > 0);
    const details = [...load.failures, ...changes.failures, ...checks.mistakes];
    const text = [printVerdicts(verdicts), ...criteria, ...details, isMet ? 'met' : 'NOT MET'].join('\n');
    console.log(text);
    await writeFile(join(out, 'report.txt'), `${text}\n`);
    await writeFile(join(out, 'samples.json'), JSON.stringify(Object.fromEntries(samples.series)));
    await copyFailures(tessera.logFile, join(out, 'failures.log'));
    if (!(await drawPlots(out, verdicts, seconds))) console.log('no plots: chromium is not installed');
    return isMet;
  } finally {
    await requests.close();
    await server.end();
    await installation.close();
    await provider.close();
    await rm(folder, { recursive: true, force: true });
  }
}
