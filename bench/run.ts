/** `npm run bench [-- --all | --only comparison,floor,token-endpoint,exchange,verify,node-versions,pollers,idle,cold,tenants,audit,ten-thousand-tenants] [--seconds N] [--tenants N] [--write]`; needs `npm run build` before. */
import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { auditReading } from './audit/audit-reading.ts';
import { coldSubjects } from './cold-subjects.ts';
import { compare } from './comparison.ts';
import { exchange } from './exchange.ts';
import { floor } from './floor.ts';
import { idle } from './idle.ts';
import { pinThisProcess } from './harness/pinned-process.ts';
import { type Section, toMarkdown, writeSection } from './harness/report.ts';
import { nodeVersions } from './node-versions.ts';
import { revocationPollers } from './revocation-pollers.ts';
import { tenThousandTenants } from './ten-thousand-tenants.ts';
import { thousandTenants } from './thousand-tenants.ts';
import { tokenEndpoint } from './token-endpoint.ts';
import { verification } from './verification.ts';

/** Each gets an empty folder, and the duration of one round of load. */
const BENCHMARKS: Readonly<Record<string, (folder: string, seconds: number) => Promise<Section>>> = {
  comparison: compare,
  floor,
  'token-endpoint': tokenEndpoint,
  exchange,
  verify: verification,
  'node-versions': nodeVersions,
  pollers: revocationPollers,
  idle,
  cold: coldSubjects,
  tenants: thousandTenants,
  audit: auditReading,
  'ten-thousand-tenants': (folder, seconds) => tenThousandTenants(folder, seconds, Number(values.tenants)),
};
/** They take a quarter of an hour or more, and gigabytes of disk. */
const LONG: readonly string[] = ['audit', 'ten-thousand-tenants'];

const { values } = parseArgs({
  options: {
    only: {
      type: 'string',
    },
    /** Also those that take long. */
    all: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '5' },
    /** Fewer than ten thousand, to try it. */
    tenants: { type: 'string', default: '10000' },
    write: { type: 'boolean', default: false },
  },
});
const names = values.only?.split(',') ?? Object.keys(BENCHMARKS).filter((name) => values.all || !LONG.includes(name));
const chosen = names.map((name) => {
  const benchmark = BENCHMARKS[name];
  if (benchmark === undefined) throw new Error(`--only takes ${Object.keys(BENCHMARKS).join(', ')}; not ${name}`);
  return [name, benchmark] as const;
});

await pinThisProcess();
const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
try {
  for (const [name, benchmark] of chosen) {
    console.error(`${name} …`);
    const own = join(folder, name);
    await mkdir(own);
    const section = await benchmark(own, Number(values.seconds));
    console.log(`${toMarkdown(section)}\n`);
    // At once: a later one may fail.
    if (values.write) writeSection(section);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
