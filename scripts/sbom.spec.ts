import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';

const REPOSITORY = join(import.meta.dirname, '..');

interface Component {
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly 'bom-ref': string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses?: readonly unknown[];
}
interface Bom {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}
interface LockEntry {
  readonly version: string;
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly name?: string;
}

let printed: string;
let bom: Bom;
const lock = JSON.parse(readFileSync(join(REPOSITORY, 'package-lock.json'), 'utf8')) as {
  readonly version: string;
  readonly packages: Readonly<Record<string, LockEntry>>;
};

beforeAll(async () => {
  const { stdout } = await promisify(execFile)('npm', ['run', '-s', 'sbom'], {
    cwd: REPOSITORY,
    maxBuffer: 64 * 1024 * 1024,
  });
  printed = stdout;
  bom = JSON.parse(stdout) as Bom;
});

const nameOf = ({ group, name, version }: Component) => `${group === undefined ? '' : `${group}/`}${name}@${version}`;

/** Every package of the lock file that a production installation has; a package may be there more than once. */
function installed(): string[] {
  const names = Object.entries(lock.packages).flatMap(([path, entry]) =>
    path === '' || entry.dev === true || entry.link === true
      ? []
      : [`${entry.name ?? path.replace(/^.*node_modules\//, '')}@${entry.version}`],
  );
  return [...new Set(names)].sort();
}

describe('npm run sbom', () => {
  it('is valid CycloneDX, without a member that the specification does not know', async () => {
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot5);
    expect(await validator.validate(printed)).toBeNull();
    // The validator does refuse something.
    expect(await validator.validate(printed.replace('"components"', '"parts"'))).not.toBeNull();
  });

  it('is about this version of tessera', () => {
    expect(bom.metadata.component).toMatchObject({ name: 'tessera', version: lock.version });
  });

  it('has every package of a production installation, and none for development', () => {
    expect([...new Set(bom.components.map(nameOf))].sort()).toEqual(installed());
    expect(installed()).toContain(`@tessera/token@${lock.version}`);
  });

  it('names the dependencies of each, and no other package', () => {
    const refs = new Set(bom.components.map((component) => component['bom-ref']));
    const graph = new Map(bom.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
    for (const ref of refs) expect([ref, graph.has(ref)]).toEqual([ref, true]);
    for (const dependsOn of graph.values()) for (const ref of dependsOn) expect(refs).toContain(ref);
    const [fastify = ''] = [...refs].filter((ref) => ref.startsWith('fastify@'));
    expect(graph.get(fastify)).toEqual(expect.arrayContaining([expect.stringMatching(/^pino@/)]));
  });

  it('has a checksum of every package from a registry, and a license of nearly all', () => {
    const foreign = bom.components.filter(({ group }) => group !== '@tessera');
    expect(foreign.filter(({ hashes = [] }) => !hashes.some(({ alg }) => alg === 'SHA-512')).map(nameOf)).toEqual([]);
    // These two name theirs in a form that npm does not read.
    expect(bom.components.filter(({ licenses = [] }) => licenses.length === 0).map(({ name }) => name)).toEqual([
      'passport-strategy',
      'pause',
    ]);
  });
});
