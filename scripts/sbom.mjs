/**
 * `npm run -s sbom > tessera.cdx.json` prints a software bill of materials (CycloneDX 1.5, JSON) of what a production installation has: every
 * package of package-lock.json but those for development only, with licenses and checksums. It is npm's own, corrected.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const REPOSITORY = join(import.meta.dirname, '..');
const lock = JSON.parse(readFileSync(join(REPOSITORY, 'package-lock.json'), 'utf8'));

// Without --omit=dev, with which npm 11 also leaves out whatever a package for development needs too: fastify's own dependencies, for example.
const printed = execFileSync(
  'npm',
  ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'],
  {
    cwd: REPOSITORY,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  },
);
const bom = JSON.parse(printed);

const installed = new Set(
  Object.entries(lock.packages)
    .filter(([, { dev }]) => dev !== true)
    .map(([path, { name, version }]) => `${name ?? path.replace(/^.*node_modules\//, '')}@${version}`),
);
const kept = bom.components.filter((component) => installed.has(component['bom-ref']));
const refs = new Set([bom.metadata.component['bom-ref'], ...kept.map((one) => one['bom-ref'])]);

// npm names the root after its folder, and a workspace without its scope. The package URL has the whole name.
bom.metadata.component.name = lock.name;
for (const component of kept) {
  const [, scope, own] = /^pkg:npm\/(?:%40([^/]+)\/)?([^@]+)@/.exec(component.purl);
  component.name = decodeURIComponent(own);
  if (scope !== undefined) component.group = `@${decodeURIComponent(scope)}`;
}
bom.components = kept;
bom.dependencies = bom.dependencies
  .filter(({ ref }) => refs.has(ref))
  .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)) }));
process.stdout.write(`${JSON.stringify(bom, undefined, 2)}\n`);
