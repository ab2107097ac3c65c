import type { Config } from '../../config/config.ts';
import type { Tracing } from './tracing.ts';

/** Loads OpenTelemetry only if it is configured: it costs 20 MB and a quarter of a second at the start. */
export async function loadTracing(config: Pick<Config, 'telemetry'>): Promise<Tracing | undefined> {
  if (!config.telemetry) return undefined;
  const { createTracing } = await import('./open-telemetry.ts');
  return createTracing();
}
