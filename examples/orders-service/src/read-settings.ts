import { accessSync, constants } from 'node:fs';

export type Settings<Name extends string> = Readonly<Record<Name, string>>;

/** The only place that reads the environment. Exits before the server listens if settings are missing, and names all of them at once. */
export function readSettings<Name extends string>(names: readonly Name[]): Settings<Name> {
  const faults: string[] = [];
  const settings = names.map((name) => {
    const value = process.env[name] ?? '';
    if (value === '') faults.push(`${name} is not set`);
    else if (name.endsWith('_FILE') && !isReadable(value)) faults.push(`${name}: ${value} cannot be read`);
    return [name, value];
  });
  if (faults.length > 0) {
    console.error(`The service cannot start: ${faults.join(', ')}. README.md says what belongs there.`);
    process.exit(1);
  }
  // The type of `fromEntries` loses the names.
  return Object.fromEntries(settings) as Settings<Name>;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
