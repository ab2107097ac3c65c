import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunningContender, startBare, startTessera } from './contenders.ts';
import { CONNECTIONS, runLoad, untilAnswered } from './harness/load.ts';
import { type NodeInstallation, nodeOf, THIS_NODE } from './harness/node-installation.ts';
import type { Section } from './harness/report.ts';
import { cellsOf, MEASURED, type MeasuredContender, measureInTurns, ratioOf } from './harness/rounds.ts';

const ROUNDS = 7;
const WARM_UP_SECONDS = 3;
/** Besides the one that runs this. */
const OTHER_MAJORS = [24, 26] as const;

const SERVERS: readonly (readonly [
  name: string,
  start: (folder: string, node: NodeInstallation) => Promise<RunningContender>,
])[] = [
  ['bare, synchronous', (folder, node) => startBare(folder, 'sync', node)],
  ['bare, batched', (folder, node) => startBare(folder, 'batched', node)],
  ['Tessera', startTessera],
];
const nameOf = (server: string, version: string): string => `${server}, ${version}`;

/** The same servers on several versions of Node.js, all of them in each round. */
export async function nodeVersions(folder: string, secondsEach: number): Promise<Section> {
  const nodes = [THIS_NODE, ...OTHER_MAJORS.map(nodeOf)];
  const running: (RunningContender & MeasuredContender)[] = [];
  try {
    for (const node of nodes)
      for (const [server, start] of SERVERS) {
        const own = join(folder, String(running.length));
        await mkdir(own);
        running.push({ ...(await start(own, node)), name: nameOf(server, node.version), results: [] });
      }
    for (const { process, load } of running) {
      await untilAnswered(process, load);
      await runLoad(folder, process, load, WARM_UP_SECONDS);
    }
    await measureInTurns(running, ROUNDS, ({ process, load }) => runLoad(folder, process, load, secondsEach));
    return report(running, nodes, secondsEach);
  } finally {
    await Promise.all(running.map(({ process }) => process.end()));
  }
}

function report(
  running: readonly MeasuredContender[],
  nodes: readonly NodeInstallation[],
  secondsEach: number,
): Section {
  const ratio = (version: string, to: string): string => ratioOf(running, nameOf('Tessera', version), to).text;
  return {
    title: 'Versions of Node.js',
    text:
      `The servers of the first section, on ${nodes.length} versions of Node.js. Each server on one core, the load from the other; ${CONNECTIONS} ` +
      `connections, ${ROUNDS} alternating rounds of ${secondsEach} s over all of them, medians.`,
    tables: [
      {
        head: ['server', ...MEASURED, 'MiB'],
        rows: running.map(({ name, process, results }) => [name, ...cellsOf(results), String(process.residentMiB())]),
      },
      {
        head: ['Tessera on', 'to bare, synchronous', 'to bare, batched', `to Tessera on ${THIS_NODE.version}`],
        rows: nodes.map(({ version }) => [
          version,
          ratio(version, nameOf('bare, synchronous', version)),
          ratio(version, nameOf('bare, batched', version)),
          ratio(version, nameOf('Tessera', THIS_NODE.version)),
        ]),
      },
    ],
  };
}
