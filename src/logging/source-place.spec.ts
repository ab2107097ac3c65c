import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourcePlace } from './source-place.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'source-place-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** A program of one line; from its column 11 on it was made from line 3 of a source. */
function program(name: string, map?: string): string {
  const file = join(folder, name);
  writeFileSync(file, 'const a=1;throw a;\n');
  if (map !== undefined) writeFileSync(`${file}.map`, map);
  return file;
}

const MAP = JSON.stringify({ version: 3, sources: ['../src/a.ts'], names: [], mappings: 'AAAA,UAEA' });

describe('sourcePlace', () => {
  it('finds the line of the source, next to the program', () => {
    expect(sourcePlace(program('mapped.js', MAP), 1, 12)).toBe(`${join(folder, '../src/a.ts')}:3`);
  });

  it.each([
    ['without a map', undefined],
    ['with a map that is no JSON', '{'],
  ])('leaves the place in a program %s', (_name, map) => {
    const file = program('plain.js', map);
    expect(sourcePlace(file, 1, 12)).toBe(`${file}:1`);
  });

  it('leaves the place in a file that is not there', () => {
    expect(sourcePlace('node:internal/process', 95, 5)).toBe('node:internal/process:95');
  });
});
