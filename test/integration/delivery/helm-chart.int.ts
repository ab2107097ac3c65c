import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../../../src/config/load-config.ts';
import { Secret } from '../../../src/config/secret.ts';
import { SETTINGS } from '../../../src/config/settings.ts';
import { ROUTE_TABLE } from '../../../src/http/routes/route-table.ts';
import { readPage } from '../../support/fixtures/markdown.ts';
import { REPOSITORY, requireServer } from '../../support/servers/required-servers.ts';

const run = promisify(execFile);
const CHART = join(REPOSITORY, 'deploy/helm/tessera');
const VALUES = ['minimal', 'full', 'bare'] as const;
/** The oldest version that the chart allows, and the newest whose schemas the checker has. */
const KUBERNETES = ['1.30', '1.37'];

interface Container {
  readonly args?: readonly string[];
  readonly env: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
  }[];
  readonly image: string;
  readonly volumeMounts: readonly { readonly name: string }[];
  readonly [member: string]: unknown;
}
interface PodTemplate {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly containers: readonly Container[];
    readonly volumes: readonly { readonly name: string }[];
    readonly terminationGracePeriodSeconds?: number;
    readonly [member: string]: unknown;
  };
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  // What a test reads differs from kind to kind.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- asserted with toMatchObject
  readonly spec?: any;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-chart-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function helm(...args: readonly string[]): Promise<{ readonly failed: boolean; readonly output: string }> {
  // Helm reads plug-ins and repositories of the user otherwise.
  const env = { PATH: process.env['PATH'], HOME: folder };
  try {
    const { stdout, stderr } = await run(requireServer('helm'), args, { env, cwd: folder });
    return { failed: false, output: stdout + stderr };
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
    return { failed: true, output: stdout + stderr };
  }
}

/** Renders the chart with a file of `ci`, and with what else is set. */
async function rendered(values: string, ...set: readonly string[]): Promise<string> {
  const file = join(CHART, 'ci', `${values}.yaml`);
  const { failed, output } = await helm('template', 'prod', CHART, '--values', file, ...set);
  if (failed) throw new Error(output);
  return output;
}

async function manifests(values: string, ...set: readonly string[]): Promise<ReadonlyMap<string, Manifest>> {
  const documents = parseAllDocuments(await rendered(values, ...set)).map((one) => one.toJS() as Manifest | null);
  return new Map(documents.flatMap((one) => (one === null ? [] : [[one.kind, one] as const])));
}

/** Of the server and of the migration, where there is one. */
function podsOf(all: ReadonlyMap<string, Manifest>): PodTemplate[] {
  return ['Deployment', 'Job'].flatMap((kind) => {
    const template = (all.get(kind)?.spec as { readonly template: PodTemplate } | undefined)?.template;
    return template === undefined ? [] : [template];
  });
}

describe.each(VALUES)('the chart with %s values', (values) => {
  it('passes the linter', async () => {
    expect(await helm('lint', '--strict', CHART, '--values', join(CHART, 'ci', `${values}.yaml`))).toMatchObject({
      failed: false,
      output: expect.stringContaining('0 chart(s) failed'),
    });
  });

  it.each(KUBERNETES)('renders what the schemas of Kubernetes %s know, and nothing else', async (version) => {
    const file = join(folder, `${values}-${version}.yaml`);
    await writeFile(file, await rendered(values, '--kube-version', `${version}.0`));
    const { stdout } = await run(requireServer('kubernetesValidate'), ['--strict', '-k', version, file]);
    expect(stdout.match(/passed for resource/g)).toHaveLength((await manifests(values)).size);
  });

  it('runs nothing as root, with a writable file, a capability or a token of the cluster', async () => {
    const all = await manifests(values);
    for (const { spec } of podsOf(all)) {
      expect(spec).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      });
      for (const container of spec.containers) {
        expect(container).toMatchObject({
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          resources: { requests: { cpu: expect.anything(), memory: expect.anything() }, limits: expect.anything() },
        });
        const volumes = spec.volumes.map(({ name }) => name);
        expect(container.volumeMounts.map(({ name }) => name).sort()).toEqual([...volumes].sort());
      }
    }
    expect(all.get('ServiceAccount')).toMatchObject({ automountServiceAccountToken: false });
  });

  it('gives the server a configuration that a start accepts, with secrets by reference only', async () => {
    const pods = podsOf(await manifests(values));
    for (const { spec } of pods) {
      const env: Record<string, string> = {};
      for (const { name, value, valueFrom } of spec.containers[0]!.env) {
        const isSecret = valueFrom !== undefined;
        if (isSecret) expect(valueFrom.secretKeyRef).toEqual({ name: expect.any(String), key: expect.any(String) });
        env[name] = value ?? (name.endsWith('_URL') ? urlFor(name) : 'f0e1d2c3-0000-4000-8000-000000000000');
        if (name !== 'NODE_EXTRA_CA_CERTS') expect(Object.keys(SETTINGS)).toContain(name);
      }
      expect(loadConfig(env, { cwd: folder })).toMatchObject({
        host: '0.0.0.0',
        port: 3000,
        controlDatabase: { driver: 'mysql', password: expect.any(Secret) },
        vault: { kind: 'vault' },
      });
    }
  });
});

function urlFor(name: string): string {
  return name === 'REDIS_URL' ? 'rediss://redis.example.com' : 'mysql://tessera:x@db.example.com:3306/tessera';
}

describe('the server', () => {
  it('is probed at routes that exist, at the port that it listens on', async () => {
    const [server] = podsOf(await manifests('minimal'));
    const container = server!.spec.containers[0]! as unknown as Record<
      string,
      { httpGet: { path: string; port: string } }
    >;
    const public_ = ROUTE_TABLE.filter(({ access }) => access === 'public').map(({ path }) => path);
    for (const [probe, path] of [
      ['startupProbe', '/healthz'],
      ['livenessProbe', '/healthz'],
      ['readinessProbe', '/readyz'],
    ] as const) {
      expect(container[probe]!.httpGet).toEqual({ path, port: 'http' });
      expect(public_).toContain(path);
    }
    expect(server!.spec.containers[0]).toMatchObject({ ports: [{ name: 'http', containerPort: 3000 }] });
  });

  it('has more time to stop than the load balancers and the requests in flight may take', async () => {
    const [server] = podsOf(await manifests('minimal'));
    const { seconds } = (
      server!.spec.containers[0] as unknown as { lifecycle: { preStop: { sleep: { seconds: number } } } }
    ).lifecycle.preStop.sleep;
    // 12 s for requests in flight: docs/operation.md, "Shutdown".
    expect(server!.spec.terminationGracePeriodSeconds).toBeGreaterThan(seconds + 12);
  });

  it('runs the image of the chart’s version, or the digest that is given', async () => {
    const { version } = JSON.parse(readPage('package.json')) as { version: string };
    const chart = parse(readPage('deploy/helm/tessera/Chart.yaml')) as Record<string, unknown>;
    expect(chart).toMatchObject({ version, appVersion: version });
    expect(podsOf(await manifests('minimal')).map(({ spec }) => spec.containers[0]!.image)).toEqual([
      `tessera:${version}`,
      `tessera:${version}`,
    ]);
    for (const { spec } of podsOf(await manifests('full')))
      expect(spec.containers[0]!.image).toMatch(/^images\.example\.com\/platform\/tessera@sha256:[0-9a-f]{64}$/);
  });

  it('is selected by its service, its budget and its network policy', async () => {
    const all = await manifests('minimal');
    const [server, migration] = podsOf(all);
    const selects = (selector: Readonly<Record<string, string>>, pod: PodTemplate | undefined) =>
      Object.entries(selector).every(([name, value]) => pod?.metadata.labels[name] === value);
    const ofService = all.get('Service')!.spec.selector as Record<string, string>;
    const ofBudget = all.get('PodDisruptionBudget')!.spec.selector.matchLabels as Record<string, string>;
    const ofPolicy = all.get('NetworkPolicy')!.spec.podSelector.matchLabels as Record<string, string>;
    for (const selector of [ofService, ofBudget, ofPolicy, all.get('Deployment')!.spec.selector.matchLabels])
      expect(selects(selector as Record<string, string>, server)).toBe(true);
    // A migration answers no request and may be interrupted; the network is closed for it, too.
    expect([selects(ofService, migration), selects(ofBudget, migration), selects(ofPolicy, migration)]).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('is replicated by the number that is set, or by the autoscaler alone', async () => {
    const fixed = await manifests('minimal');
    expect(fixed.get('Deployment')!.spec.replicas).toBe(2);
    expect(fixed.has('HorizontalPodAutoscaler')).toBe(false);
    const scaled = await manifests('full');
    expect(scaled.get('Deployment')!.spec.replicas).toBeUndefined();
    expect(scaled.get('HorizontalPodAutoscaler')!.spec).toMatchObject({
      minReplicas: 3,
      maxReplicas: 9,
      scaleTargetRef: { kind: 'Deployment', name: scaled.get('Deployment')!.metadata.name },
    });
  });
});

describe('the migration', () => {
  it('runs before an installation and before an upgrade, and needs nothing that the chart makes', async () => {
    const job = (await manifests('minimal')).get('Job')!;
    expect(job.metadata.annotations).toMatchObject({ 'helm.sh/hook': 'pre-install,pre-upgrade' });
    expect(job.spec.template.spec.containers[0].args).toEqual(['dist/cli.js', 'migrate']);
    expect(job.spec.template.spec).not.toHaveProperty('serviceAccountName');
  });
});

describe('the network policy', () => {
  it('lets in and out only what is listed', async () => {
    const { spec } = (await manifests('full')).get('NetworkPolicy')!;
    expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(spec.ingress).toHaveLength(1);
    expect(spec.ingress[0].ports).toEqual([{ port: 3000, protocol: 'TCP' }]);
    expect(spec.ingress[0].from).toHaveLength(2);
    const ports = (spec.egress as { ports: { port: number }[] }[]).map((rule) => rule.ports.map(({ port }) => port));
    expect(ports).toEqual([
      [53, 53],
      [443, 3307, 6380, 8200],
    ]);
    // 169.254.169.254 gives a cloud's credentials to whoever asks.
    expect(spec.egress[1].to[0].ipBlock.except).toContain('169.254.0.0/16');
  });
});

describe('values that are refused', () => {
  it.each([
    ['no PUBLIC_URL', ['--set', 'env.PUBLIC_URL=null'], "'/env/PUBLIC_URL'"],
    ['no VAULT_ADDR', ['--set', 'env.VAULT_ADDR=null'], "'/env/VAULT_ADDR'"],
    ['no DATABASE_URL', ['--set', 'secrets.DATABASE_URL=null'], "'DATABASE_URL'"],
    ['no login to Vault', ['--set', 'secrets.VAULT_SECRET_ID=null'], "'/secrets'"],
    ['a secret among the settings', ['--set', 'env.DATABASE_URL=mysql://u:p@h/d'], "'DATABASE_URL'"],
    [
      'a header with a secret among the settings',
      ['--set', 'env.OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer x'],
      "'OTEL_EXPORTER_OTLP_HEADERS'",
    ],
    ['a secret instead of a reference', ['--set', 'secrets.REDIS_URL=redis://:p@h'], "'/secrets/REDIS_URL'"],
    ['a reference without a key', ['--set', 'secrets.REDIS_URL.name=redis'], "'/secrets/REDIS_URL'"],
    ['a setting of the embedded stores', ['--set', 'env.TESSERA_DATA_DIR=/data'], "'TESSERA_DATA_DIR'"],
    ['a number as a setting', ['--set', 'env.TESSERA_GRANTS_CACHE_SECONDS=5'], "'/env/TESSERA_GRANTS_CACHE_SECONDS'"],
    ['an unknown value', ['--set', 'replica=3'], "'replica'"],
    ['a digest that is none', ['--set', 'image.digest=latest'], "'/image/digest'"],
    ['a policy that lets everybody in', ['--set-json', 'networkPolicy.ingressFrom=[]'], "'/networkPolicy/ingressFrom'"],
  ])('%s', async (_, set, place) => {
    const file = join(CHART, 'ci/minimal.yaml');
    const { failed, output } = await helm('template', 'prod', CHART, '--values', file, ...set);
    expect(failed).toBe(true);
    expect(output).toContain("values don't meet the specifications of the schema");
    expect(output).toContain(place);
  });

  it('none of its own: what is required has to be said', async () => {
    const { failed, output } = await helm('template', 'prod', CHART);
    expect(failed).toBe(true);
    expect(output).toContain("at '/env': missing properties 'PUBLIC_URL', 'VAULT_ADDR'");
  });

  it('two logins to Vault', async () => {
    const file = join(CHART, 'ci/minimal.yaml');
    const token = ['--set', 'secrets.VAULT_TOKEN.name=vault', '--set', 'secrets.VAULT_TOKEN.key=token'];
    const { failed, output } = await helm('template', 'prod', CHART, '--values', file, ...token);
    expect(failed).toBe(true);
    expect(output).toContain('VAULT_TOKEN and VAULT_ROLE_ID are two logins to Vault');
  });

  it('an older Kubernetes than the chart needs', async () => {
    const file = join(CHART, 'ci/minimal.yaml');
    const { failed, output } = await helm('template', 'prod', CHART, '--values', file, '--kube-version', '1.29.0');
    expect(failed).toBe(true);
    expect(output).toContain('incompatible with Kubernetes');
  });
});

it('every setting of the table can be set: as a secret, as plain text, or by the chart itself', () => {
  const schema = JSON.parse(readPage('deploy/helm/tessera/values.schema.json')) as {
    properties: {
      env: { propertyNames: { pattern: string; not: { anyOf: [{ enum: string[] }, { pattern: string }] } } };
      secrets: { properties: Record<string, unknown> };
    };
  };
  const { pattern, not } = schema.properties.env.propertyNames;
  const [listed, headers] = not.anyOf;
  const plain = (name: string) =>
    new RegExp(pattern).test(name) && !listed.enum.includes(name) && !new RegExp(headers.pattern).test(name);
  const byTheChart = ['HOST', 'PORT', 'TESSERA_DATA_DIR'];
  for (const [name, setting] of Object.entries(SETTINGS)) {
    const ways = [name in schema.properties.secrets.properties, plain(name), byTheChart.includes(name)];
    expect([name, ways.filter(Boolean)]).toEqual([name, [true]]);
    if ((setting as { readonly secret?: boolean }).secret === true) expect([name, ways[0]]).toEqual([name, true]);
  }
});
