import { Counter, Gauge, Histogram, Registry } from 'prom-client';

// From a cached subject (well below a millisecond) to the 3 s within which a failing dependency is given up.
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 10];

/** Counts the requests of one route; labels are bound once. */
export interface RouteMetrics {
  /** @param outcome an error code, `issued`, `ok` or `aborted`: a closed set, so that no caller can add a time series */
  finished(outcome: string, seconds: number): void;
}

export interface CacheMetrics {
  hit(): void;
  miss(): void;
}

/** One gauge value, read when somebody looks. */
export interface GaugeSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * What /metrics shows. Labels are routes, outcomes and other fixed words; a tenant's id stands only where an operator needs it (pools, keys), and
 * nothing that a caller sent stands anywhere.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = this.#counter('tessera_http_requests_total', 'Requests by route and outcome.', [
    'route',
    'outcome',
  ]);
  readonly #durations = this.#histogram(
    'tessera_http_request_duration_seconds',
    'Time from headers read to answer sent; issued tokens are in tessera_mint_duration_seconds.',
    ['route'],
  );
  readonly #mints = this.#histogram('tessera_mint_duration_seconds', 'Time from headers read to token sent.', [
    'surface',
  ]);
  readonly #caches = this.#counter('tessera_cache_requests_total', 'Look-ups by cache and result.', [
    'cache',
    'result',
  ]);
  readonly #refusedConnections = this.#counter(
    'tessera_http_refused_connections_total',
    'Connections ended because what came over them was not HTTP or too slow.',
    ['reason'],
  );

  constructor() {
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

  /** @param surface for a route that makes tokens */
  route(label: string, surface?: string): RouteMetrics {
    const duration = this.#durations.labels(label);
    const mint = surface === undefined ? duration : this.#mints.labels(surface);
    const outcomes = new Map<string, Counter.Internal>();
    return {
      finished: (outcome, seconds) => {
        let count = outcomes.get(outcome);
        if (count === undefined) outcomes.set(outcome, (count = this.#requests.labels(label, outcome)));
        count.inc();
        (outcome === 'issued' ? mint : duration).observe(seconds);
      },
    };
  }

  /** @param name a fixed word such as `grants` */
  cache(name: string): CacheMetrics {
    const hits = this.#caches.labels(name, 'hit');
    const misses = this.#caches.labels(name, 'miss');
    return {
      hit: () => {
        hits.inc();
      },
      miss: () => {
        misses.inc();
      },
    };
  }

  refusedConnection(reason: 'malformed' | 'timeout' | 'header_overflow'): void {
    this.#refusedConnections.inc({ reason });
  }

  /** A value that is read only when somebody looks, and costs nothing until then. */
  gauge(name: string, help: string, labelNames: readonly string[], read: () => readonly GaugeSample[]): void {
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const { labels, value } of read()) this.set({ ...labels }, value);
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

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, labelNames: string[]): Histogram {
    return new Histogram({ name, help, labelNames, buckets: SECONDS, registers: [this.#registry] });
  }
}
