import { freePort } from '../test/support/servers/process.ts';
import { startBaseline } from './harness/baseline.ts';
import type { Load } from './harness/load.ts';
import type { NodeInstallation } from './harness/node-installation.ts';
import type { PinnedProcess } from './harness/pinned-process.ts';
import { BASELINE_SECRET, SAMPLE, sampleBody } from './sample/sample-request.ts';
import { provisionSample } from './sample/sample-tenant.ts';
import { GENERATE_TOKEN } from './harness/tessera.ts';

/** One server that makes tokens. All contenders are measured in one run, in turns. */
export interface Contender {
  readonly name: string;
  /** @param folder an empty folder for this contender */
  start(folder: string): Promise<RunningContender>;
}

export interface RunningContender {
  readonly process: PinnedProcess;
  readonly load: Load;
}

export const BARE = 'bare Fastify, JSON schema, synchronous ES256';
export const BATCHED = 'the same, signatures in batches';
export const PROVIDER = 'oidc-provider 9, client_credentials, JWT';
export const SUBJECT = 'Tessera, user generateToken, warm, embedded';

export const CONTENDERS: readonly Contender[] = [
  { name: BARE, start: (folder) => startBare(folder, 'sync') },
  { name: BATCHED, start: (folder) => startBare(folder, 'batched') },
  { name: PROVIDER, start: startProvider },
  { name: SUBJECT, start: startTessera },
];

export function startBare(
  folder: string,
  scheduling: 'sync' | 'batched' | 'unsigned' | 'recorded',
  node?: NodeInstallation,
): Promise<RunningContender> {
  return startBareServer(folder, 'bare-fastify.ts', [scheduling, folder], node);
}

/** @param args in addition to the port */
export async function startBareServer(
  folder: string,
  file: string,
  args: readonly string[] = [],
  node?: NodeInstallation,
): Promise<RunningContender> {
  const port = await freePort();
  return {
    process: await startBaseline(folder, file, [String(port), ...args], node),
    load: {
      url: `http://127.0.0.1:${port}${GENERATE_TOKEN}`,
      contentType: 'application/json',
      bodies: [sampleBody(BASELINE_SECRET)],
    },
  };
}

async function startProvider(folder: string): Promise<RunningContender> {
  const port = await freePort();
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: SAMPLE.client,
    client_secret: BASELINE_SECRET,
    resource: 'https://shop.example',
    scope: SAMPLE.scopes.join(' '),
  });
  return {
    process: await startBaseline(folder, 'oidc-provider.ts', [String(port), 'client_secret_post']),
    load: {
      url: `http://127.0.0.1:${port}/token`,
      contentType: 'application/x-www-form-urlencoded',
      bodies: [form.toString()],
    },
  };
}

export async function startTessera(folder: string, node?: NodeInstallation): Promise<RunningContender> {
  const tessera = await provisionSample(folder);
  const body = tessera.body(SAMPLE.tenant, SAMPLE.email);
  return {
    process: await tessera.start({ node }),
    load: tessera.load([body]),
  };
}
