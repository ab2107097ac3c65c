import { BATCHED, type Contender, startBare, startBareServer, startTessera, SUBJECT } from './contenders.ts';
import { CONNECTIONS } from './harness/load.ts';
import type { Section } from './harness/report.ts';
import { cellsOf, MEASURED, ratioOf } from './harness/rounds.ts';
import { measureStarts, ROUNDS_OF_A_START, STARTS } from './starts.ts';

const FLOOR = 'the same, with a row in SQLite and a log line';

/** Each does what the one before does, and one thing more. */
const PARTS: readonly Contender[] = [
  { name: 'node:http, the JSON of a token, no signature', start: (folder) => startBareServer(folder, 'bare-http.ts') },
  { name: 'Fastify, JSON schema, no signature', start: (folder) => startBare(folder, 'unsigned') },
  { name: BATCHED, start: (folder) => startBare(folder, 'batched') },
  { name: FLOOR, start: (folder) => startBare(folder, 'recorded') },
  { name: SUBJECT, start: startTessera },
];

/** What nobody can leave out of a token that is minted from memory, part by part. */
export async function floor(folder: string, secondsEach: number): Promise<Section> {
  const compared = await measureStarts(folder, PARTS, secondsEach);
  return {
    title: 'The floor',
    text:
      `Servers of which each does what the one above it does, and one thing more: the CPU time of a part is the difference. ` +
      `Each server on one core, the load from the other; ${CONNECTIONS} connections, ${STARTS} starts of each server with ` +
      `${ROUNDS_OF_A_START} alternating rounds of ${secondsEach} s, medians.`,
    tables: [
      {
        head: ['server', ...MEASURED, 'to batched', 'to the floor'],
        rows: compared.map(({ name, results }) => [
          name,
          ...cellsOf(results),
          ratioOf(compared, name, BATCHED).text,
          ratioOf(compared, name, FLOOR).text,
        ]),
      },
    ],
  };
}
