import type { Config } from '../../config/config.ts';
import type { Tracing } from './tracing.ts';

/** OpenTelemetry costs 20 MB and a quarter of a second of the start: both only for those who use it. */
export async function loadTracing(config: Pick<Config, 'telemetry'>): Promise<Tracing | undefined> {
  if (!config.telemetry) return undefined;
  const { createTracing } = await import('./open-telemetry.ts');
  return createTracing();
}
