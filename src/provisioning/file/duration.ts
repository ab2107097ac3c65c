const UNIT_SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;
const DURATION = /^([1-9][0-9]{0,8})([smhd])$/;

/** A hundred years. A time beyond the range of Date could be stored but never be shown. */
const MAX_SECONDS = 36_500 * UNIT_SECONDS.d;

/** `90s`, `15m`, `24h` or `7d` in seconds; undefined for anything else, zero and more than 36500d included. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  if (match === null) return undefined;
  const seconds = Number(match[1]) * UNIT_SECONDS[match[2] as keyof typeof UNIT_SECONDS];
  return seconds <= MAX_SECONDS ? seconds : undefined;
}

/** The shortest text that `parseDuration` reads as the same number. */
export function formatDuration(seconds: number): string {
  for (const unit of ['h', 'm'] as const) {
    if (seconds % UNIT_SECONDS[unit] === 0) return `${seconds / UNIT_SECONDS[unit]}${unit}`;
  }
  return `${seconds}s`;
}
