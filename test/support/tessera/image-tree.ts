import { cpSync, linkSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { REPOSITORY } from '../servers/required-servers.ts';

/** What a container of the image starts. */
export interface ImageTree {
  /** The image's root. */
  readonly root: string;
  readonly workingDirectory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** ENTRYPOINT and CMD. */
  readonly command: readonly string[];
}

/**
 * Lays out the files of the image in a folder, as the COPY lines of deploy/Dockerfile say. The build stage is this repository after `npm run build`,
 * with the packages that its `npm prune` leaves and without what its `rm` removes. The folder must be outside the repository, whose packages would be
 * found otherwise.
 */
export function layOutImage(root: string): ImageTree {
  const [build = [], image = []] = stages(readFileSync(join(REPOSITORY, 'deploy/Dockerfile'), 'utf8'));
  const workingDirectory = argumentOf(image, 'WORKDIR');
  const appFolder = argumentOf(build, 'WORKDIR');
  const runs = build.filter((line) => line.startsWith('RUN ')).join(' && ');
  const removed = [...runs.matchAll(/rm -r (\S+)/g)].map(([, path = '']) => path);
  const left = runs.includes('npm prune --omit=dev') ? productionPackages() : undefined;
  for (const line of image.filter((each) => each.startsWith('COPY '))) {
    const [from, source = '', target = ''] = /^COPY (--from=build )?(\S+) (\S+)$/.exec(line)?.slice(1) ?? [];
    if (source === '') throw new Error(`deploy/Dockerfile has a COPY of another form: ${line}`);
    const path = from === undefined ? source : source.slice(`${appFolder}/`.length);
    const place = join(root, workingDirectory, target.endsWith('/') ? join(target, path) : target);
    if (path === 'node_modules' && left !== undefined) for (const name of left) link(name, join(place, '..', name), []);
    else link(path, place, removed);
  }
  return { root, workingDirectory, environment: environmentOf(image), command: commandOf(image) };
}

/** The instructions of each stage, each on one line. */
function stages(dockerfile: string): string[][] {
  const lines = dockerfile
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n');
  const starts = lines.flatMap((line, index) => (line.startsWith('FROM ') ? [index] : []));
  return starts.map((start, index) => lines.slice(start, starts[index + 1]).filter((line) => line !== ''));
}

function argumentOf(stage: readonly string[], instruction: string): string {
  const line = stage.find((each) => each.startsWith(`${instruction} `));
  if (line === undefined) throw new Error(`a stage of deploy/Dockerfile has no ${instruction}`);
  return line.slice(instruction.length + 1);
}

function environmentOf(stage: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    [...argumentOf(stage, 'ENV').matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
  ) as Record<string, string>;
}

function commandOf(stage: readonly string[]): string[] {
  return ['ENTRYPOINT', 'CMD'].flatMap((instruction) => JSON.parse(argumentOf(stage, instruction)) as string[]);
}

/** Folders below node_modules of packages that are not for development only, the outer ones first. */
function productionPackages(): string[] {
  const { packages } = JSON.parse(readFileSync(join(REPOSITORY, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean; link?: boolean }>;
  };
  return Object.entries(packages)
    .filter(
      ([path, { dev, devOptional, link: linked }]) =>
        path.startsWith('node_modules/') && !dev && !devOptional && !linked,
    )
    .map(([path]) => path);
}

/** Hard links: a symbolic link would lead Node.js back into the repository. A package's own packages are in the lock file like any other. */
function link(path: string, target: string, removed: readonly string[]): void {
  const source = join(REPOSITORY, path);
  if (removed.includes(path)) return;
  const stat = lstatSync(source, { throwIfNoEntry: false });
  // A package of another platform.
  if (stat === undefined && path.startsWith('node_modules/')) return;
  if (stat?.isDirectory() === true) {
    mkdirSync(target, { recursive: true });
    for (const name of readdirSync(source))
      if (name !== 'node_modules') link(join(path, name), join(target, name), removed);
    return;
  }
  mkdirSync(dirname(target), { recursive: true });
  try {
    linkSync(source, target);
  } catch {
    // Another file system.
    cpSync(source, target);
  }
}
