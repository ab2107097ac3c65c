import { join } from 'node:path';
import { findChromium, launchChromium } from '../../test/support/servers/chromium.ts';
import { SERIES } from './samples.ts';
import type { Point } from './slope.ts';
import { type SeriesVerdict, warmUpOf } from './verdict.ts';

const WIDTH = 900;
const HEIGHT = 260;
const PLOT = { left: 70, right: 880, top: 40, bottom: 220 };

/** Draws each series as a PNG in the folder, by Chromium. @returns whether it could */
export async function drawPlots(folder: string, verdicts: readonly SeriesVerdict[], seconds: number): Promise<boolean> {
  if (findChromium() === undefined) return false;
  const browser = await launchChromium();
  try {
    await browser.page.setViewportSize({ width: WIDTH, height: HEIGHT });
    for (const verdict of verdicts) {
      await browser.page.setContent(`<body style="margin:0">${svgOf(verdict, seconds)}</body>`);
      await browser.page.screenshot({ path: join(folder, `${verdict.name}.png`) });
    }
  } finally {
    await browser.close();
  }
  return true;
}

/** The points, and the line through those after the warm-up. */
function svgOf({ name, points, slope }: SeriesVerdict, seconds: number): string {
  const { title, unit } = SERIES[name];
  const values = points.map(({ value }) => value);
  // From zero: a rise is then as large as it looks.
  const highest = Math.max(1, ...values) * 1.1;
  const x = (at: number): number => PLOT.left + (at / seconds) * (PLOT.right - PLOT.left);
  const y = (value: number): number => PLOT.bottom - (value / highest) * (PLOT.bottom - PLOT.top);
  const warmUp = warmUpOf(seconds);
  const measured = points.filter((point) => point.seconds >= warmUp);
  const lineAt = (at: number): number => slope.mean + (slope.perHour / 3600) * (at - middleOf(measured));
  const text = (at: [number, number], content: string, anchor = 'start'): string =>
    `<text x="${at[0]}" y="${at[1]}" text-anchor="${anchor}">${content}</text>`;
  const levels = [0, 0.25, 0.5, 0.75, 1].map((share) => share * highest);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12">
    <rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>
    <rect x="${PLOT.left}" y="${PLOT.top}" width="${x(warmUp) - PLOT.left}" height="${PLOT.bottom - PLOT.top}" fill="#f0f0f0"/>
    ${text([PLOT.left, 22], `${title}${unit === '' ? '' : `, ${unit}`}: ${slope.perHour.toFixed(2)} per hour; rise ${slope.rise.toFixed(2)}, noise ${slope.noise.toFixed(2)}`)}
    ${levels.map((value) => `<path d="M${PLOT.left} ${y(value)}H${PLOT.right}" stroke="#ddd"/>${text([PLOT.left - 8, y(value) + 4], value.toFixed(1), 'end')}`).join('')}
    ${text([PLOT.left, HEIGHT - 20], '0')}${text([PLOT.right, HEIGHT - 20], `${(seconds / 60).toFixed(1)} min`, 'end')}
    <polyline fill="none" stroke="#1f5fa8" points="${points.map((point) => `${x(point.seconds)},${y(point.value)}`).join(' ')}"/>
    <path d="M${x(warmUp)} ${y(lineAt(warmUp))}L${x(seconds)} ${y(lineAt(seconds))}" stroke="#c03030" stroke-width="2"/>
  </svg>`;
}

function middleOf(points: readonly Point[]): number {
  return points.reduce((sum, { seconds }) => sum + seconds, 0) / points.length;
}
