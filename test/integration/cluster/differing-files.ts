import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { temporaryFolder } from '../../../src/testing/storage.ts';

interface TenantsFile {
  readonly tenants: { readonly id: string; name?: string; projects: { clients: unknown[] }[] }[];
}

/** Two tenants files that contradict each other in every tenant: in its name, and in a client that only one of them has. */
export class DifferingFiles {
  readonly left: string;
  readonly right: string;
  readonly #folder = temporaryFolder();

  /** @param of what both have in common */
  constructor(of: string, suffix: string) {
    this.left = this.#write(of, 'left', suffix);
    this.right = this.#write(of, 'right', suffix);
  }

  remove(): void {
    this.#folder.remove();
  }

  #write(of: string, side: string, suffix: string): string {
    const content = parse(of) as TenantsFile;
    for (const tenant of content.tenants) {
      tenant.name = side;
      const client = { id: `${side}-${suffix}`, surfaces: ['user'], scopes: 'unbounded', subjects: 'any' };
      tenant.projects[0]?.clients.push(client);
    }
    const file = join(this.#folder.path, `${side}.yaml`);
    writeFileSync(file, stringify(content));
    return file;
  }
}
