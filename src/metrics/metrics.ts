import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { VERSION } from '../config/version.ts';
import { type Surface, SURFACES } from '../domain/surface.ts';

// From a cached subject (well below a millisecond) to the 3 s after which a failing dependency is given up.
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 10];

/** Counts the requests of one route; labels are bound once. */
export interface RouteMetrics {
  /**
   * @param outcome an error code, `issued`, `revoked`, `ok` or `aborted`: a closed set, so that no caller can add a time series
   * @param surface of the token, if one was issued
   */
  finished(outcome: string, seconds: number, surface: Surface | undefined): void;
}

export interface CacheMetrics {
  hit(): void;
  miss(): void;
}

/** One value, read at each scrape. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * What /metrics shows. Labels are routes, outcomes and other fixed words. A tenant's id is a label only where an operator needs it (pools, keys).
 * Nothing that a caller sent is ever a label.
 */
export class Metrics {
  readonly #registry = new Registry();
  // Counted in plain numbers, which costs a request almost nothing, and handed to the library at each scrape.
  readonly #finished: { readonly route: string; readonly byOutcome: ReadonlyMap<string, number> }[] = [];
  readonly #lookUps: { readonly cache: string; hit: number; miss: number }[] = [];
  readonly #durations = this.#histogram(
    'tessera_http_request_duration_seconds',
    'Time from headers read to response sent; issued tokens are in tessera_mint_duration_seconds.',
    ['route'],
  );
  readonly #mints = this.#histogram('tessera_mint_duration_seconds', 'Time from headers read to token sent.', [
    'surface',
  ]);
  readonly #mintsOf = new Map(SURFACES.map((surface) => [surface, this.#mints.labels(surface)] as const));
  readonly #refusedConnections = this.#counter(
    'tessera_http_refused_connections_total',
    'Connections closed because their input was not HTTP or came too slowly.',
    ['reason'],
  );

  constructor() {
    this.gauge('tessera_build_info', 'Always 1; the labels say what runs.', ['version', 'nodejs_version'], () => [
      { labels: { version: VERSION, nodejs_version: process.versions.node }, value: 1 },
    ]);
    this.#counter('tessera_http_requests_total', 'Requests by route and outcome.', ['route', 'outcome'], () =>
      this.#finished.flatMap(({ route, byOutcome }) =>
        [...byOutcome].map(([outcome, value]) => ({ labels: { route, outcome }, value })),
      ),
    );
    this.#counter('tessera_cache_requests_total', 'Look-ups by cache and result.', ['cache', 'result'], () =>
      this.#lookUps.flatMap(({ cache, hit, miss }) => [
        { labels: { cache, result: 'hit' }, value: hit },
        { labels: { cache, result: 'miss' }, value: miss },
      ]),
    );
    this.gauge('process_resident_memory_bytes', 'Resident memory.', [], () => [
      { labels: {}, value: process.memoryUsage.rss() },
    ]);
    this.gauge('process_heap_bytes', 'Used heap.', [], () => [{ labels: {}, value: process.memoryUsage().heapUsed }]);
    this.gauge('process_cpu_seconds', 'CPU time since the start.', [], () => {
      const { user, system } = process.cpuUsage();
      return [{ labels: {}, value: (user + system) / 1e6 }];
    });
    const startedAt = Date.now() / 1000 - process.uptime();
    this.gauge('process_start_time_seconds', 'Start of the process, seconds since the epoch.', [], () => [
      { labels: {}, value: startedAt },
    ]);
  }

  route(label: string): RouteMetrics {
    const duration = this.#durations.labels(label);
    const byOutcome = new Map<string, number>();
    this.#finished.push({ route: label, byOutcome });
    return {
      finished: (outcome, seconds, surface) => {
        byOutcome.set(outcome, (byOutcome.get(outcome) ?? 0) + 1);
        const mint = outcome === 'issued' && surface !== undefined ? this.#mintsOf.get(surface) : undefined;
        (mint ?? duration).observe(seconds);
      },
    };
  }

  /** @param name a fixed word such as `grants` */
  cache(name: string): CacheMetrics {
    const lookUps = { cache: name, hit: 0, miss: 0 };
    this.#lookUps.push(lookUps);
    return {
      hit: () => {
        lookUps.hit++;
      },
      miss: () => {
        lookUps.miss++;
      },
    };
  }

  refusedConnection(reason: 'malformed' | 'timeout' | 'header_overflow'): void {
    this.#refusedConnections.inc({ reason });
  }

  /** A value that is read at each scrape and costs nothing in between. */
  gauge(name: string, help: string, labelNames: readonly string[], read: () => readonly Sample[]): void {
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      collect() {
        const samples = read();
        this.reset();
        // A gauge without labels is 0 after a reset. What has no value is absent instead.
        if (samples.length === 0 && labelNames.length === 0) this.remove();
        for (const { labels, value } of samples) this.set({ ...labels }, value);
      },
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text exposition format of Prometheus. */
  expose(): Promise<string> {
    return this.#registry.metrics();
  }

  #counter(name: string, help: string, labelNames: string[], read?: () => readonly Sample[]): Counter {
    return new Counter({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        if (read === undefined) return;
        this.reset();
        for (const { labels, value } of read()) this.inc({ ...labels }, value);
      },
    });
  }

  #histogram(name: string, help: string, labelNames: string[]): Histogram {
    return new Histogram({ name, help, labelNames, buckets: SECONDS, registers: [this.#registry] });
  }
}
