import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startProcess } from './process.ts';
import { requireServer } from './required-servers.ts';

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

export interface RunningPrometheus {
  /** Evaluates an expression now. Fails with Prometheus's own words if it is not one. */
  query(expression: string): Promise<readonly Sample[]>;
  /** Any other endpoint of its API: what is under `data`. */
  api(path: string): Promise<unknown>;
  close(): Promise<void>;
}

/** A Prometheus that scrapes one server twice a second, with the rules of a file. */
export async function startPrometheus(target: string, rulesFile: string): Promise<RunningPrometheus> {
  const program = requireServer('prometheus');
  const folder = await mkdtemp(join(tmpdir(), 'tessera-prometheus-'));
  // JSON is YAML.
  const configuration = {
    global: { scrape_interval: '500ms', scrape_timeout: '500ms', evaluation_interval: '500ms' },
    rule_files: [rulesFile],
    scrape_configs: [{ job_name: 'tessera', static_configs: [{ targets: [target] }] }],
  };
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(configuration));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = await startProcess(
    program,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    {
      cwd: folder,
      ready: () =>
        fetch(`${url}/-/ready`).then(
          ({ ok }) => ok,
          () => false,
        ),
    },
  );
  const api = async (path: string): Promise<unknown> => {
    const answer = (await (await fetch(`${url}/api/v1/${path}`)).json()) as {
      readonly status: string;
      readonly data?: unknown;
      readonly error?: string;
    };
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error ?? 'no error was given'}`);
    return answer.data;
  };
  return {
    api,
    query: async (expression) => {
      const data = (await api(`query?query=${encodeURIComponent(expression)}`)) as { result: readonly Sample[] };
      return data.result;
    },
    close: async () => {
      await server.end();
      await rm(folder, { recursive: true });
    },
  };
}
