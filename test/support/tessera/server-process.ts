import { builtProgram } from './built-program.ts';
import { freePort, type RunningProcess, startProcess } from '../servers/process.ts';

export interface ServerProcess extends RunningProcess {
  readonly url: string;
  readonly port: number;
}

/** The server as a separate process, as production runs it. Of this process's environment it gets only PATH. */
export async function startServer(env: Readonly<Record<string, string>>, cwd: string): Promise<ServerProcess> {
  const port = await freePort();
  const running = await startProcess(process.execPath, [builtProgram('main')], {
    cwd,
    env: { PATH: process.env['PATH'], PORT: String(port), ...env },
    ready: (process) => process.output().includes('"event":"listening"'),
  });
  return { ...running, port, url: `http://127.0.0.1:${port}` };
}
