/** One series of a soak: its values, each with the seconds since the start. */
export interface Point {
  readonly seconds: number;
  readonly value: number;
}

export interface Slope {
  readonly perHour: number;
  readonly mean: number;
  /** How much the line rises from the first to the last point; negative: it falls. */
  readonly rise: number;
  /** A rise of at most this much says nothing. */
  readonly noise: number;
  readonly isWithinNoise: boolean;
}

/** Neighboring values depend on each other, as the heap between two collections does. The means of so many parts of the time hardly do. */
const PARTS = 10;
/** For 8 degrees of freedom, in 1 of 100 series that do not rise. */
const STANDARD_ERRORS = 2.9;

/**
 * The line through the points by least squares. Its noise is the larger of two: 2.9 standard errors of the line through the means of ten parts, and one
 * standard deviation of the points around the line. A fall is never more than noise.
 *
 * @param least a rise that is never more than noise, such as one connection
 * @throws RangeError with fewer than 20 points
 */
export function slopeOf(points: readonly Point[], least: number): Slope {
  if (points.length < 2 * PARTS) throw new RangeError('too few points for a slope');
  const duration = points.at(-1)!.seconds - points[0]!.seconds;
  const line = fit(points);
  const means = Array.from({ length: PARTS }, (_, part) => {
    const some = points.slice(
      Math.floor((part * points.length) / PARTS),
      Math.floor(((part + 1) * points.length) / PARTS),
    );
    return { seconds: mean(some.map(({ seconds }) => seconds)), value: mean(some.map(({ value }) => value)) };
  });
  const error = fit(means).standardError;
  const noise = Math.max(least, STANDARD_ERRORS * error * duration, line.deviation);
  const rise = line.slope * duration;
  return {
    perHour: line.slope * 3600,
    mean: mean(points.map(({ value }) => value)),
    rise,
    noise,
    isWithinNoise: rise <= noise,
  };
}

function fit(points: readonly Point[]): { slope: number; deviation: number; standardError: number } {
  const [x, y] = [mean(points.map(({ seconds }) => seconds)), mean(points.map(({ value }) => value))];
  const squares = sum(points.map(({ seconds }) => (seconds - x) ** 2));
  const slope = sum(points.map(({ seconds, value }) => (seconds - x) * (value - y))) / squares;
  const residuals = sum(points.map(({ seconds, value }) => (value - y - slope * (seconds - x)) ** 2));
  const deviation = Math.sqrt(residuals / (points.length - 2));
  return { slope, deviation, standardError: deviation / Math.sqrt(squares) };
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
