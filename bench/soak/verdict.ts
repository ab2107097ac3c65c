import { SERIES, type SeriesName } from './samples.ts';
import { type Point, type Slope, slopeOf } from './slope.ts';

/** Tokens live for 10 minutes, and some memory with them. Of a short soak a third is for this. */
const WARM_UP_SECONDS = 600;
/** In the first minutes the heap grows to its size, whatever the program. A shorter soak shows slopes and judges tokens only. */
const LEAST_JUDGED_SECONDS = 20 * 60;

export interface SeriesVerdict {
  readonly name: SeriesName;
  readonly points: readonly Point[];
  /** Of the points after the warm-up. */
  readonly slope: Slope;
  readonly isJudged: boolean;
  readonly isMet: boolean;
}

export function warmUpOf(seconds: number): number {
  return Math.min(WARM_UP_SECONDS, seconds / 3);
}

export function judge(series: ReadonlyMap<SeriesName, readonly Point[]>, seconds: number): SeriesVerdict[] {
  const warmUp = warmUpOf(seconds);
  return [...series].map(([name, points]) => {
    const slope = slopeOf(
      points.filter((point) => point.seconds >= warmUp),
      SERIES[name].least,
    );
    const isJudged = SERIES[name].isJudged && seconds >= LEAST_JUDGED_SECONDS;
    return { name, points, slope, isJudged, isMet: slope.isWithinNoise || !isJudged };
  });
}

/** A table for people. */
export function printVerdicts(verdicts: readonly SeriesVerdict[]): string {
  const rows = verdicts.map(({ name, slope, isJudged, isMet }) => [
    `${SERIES[name].title}${SERIES[name].unit === '' ? '' : `, ${SERIES[name].unit}`}`,
    slope.mean.toFixed(1),
    slope.perHour.toFixed(2),
    slope.rise.toFixed(2),
    slope.noise.toFixed(2),
    isJudged ? (isMet ? 'within noise' : 'RISES') : 'not judged',
  ]);
  const table = [['series', 'mean', 'slope per hour', 'rise', 'noise', 'verdict'], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
