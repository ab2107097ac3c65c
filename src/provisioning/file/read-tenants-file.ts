import { type Fault, Faults } from './validation-error.ts';
import { NameRegistry } from './name-registry.ts';
import { Fields, listOf, oneOf } from './read-fields.ts';
import type { IssuerContext } from './read-issuers.ts';
import { readTenant } from './read-tenant.ts';
import type { TenantsFile } from './tenants-file.ts';
import { readYaml, type SourceNode } from './yaml-source.ts';

export const API_VERSION = 'tessera/v1';

export type ReadResult = { readonly file: TenantsFile } | { readonly faults: readonly Fault[] };

/** Reads a tenants file. Never throws: the result is the whole file, or everything that is wrong with it in the order of its lines. */
export function readTenantsFile(bytes: Uint8Array, context: IssuerContext): ReadResult {
  const faults = new Faults();
  const root = readYaml(bytes, faults);
  const file = root === undefined ? undefined : readFile(root, context, faults);
  const list = faults.list();
  return file === undefined || list.length > 0 ? { faults: list } : { file };
}

function readFile(root: SourceNode, context: IssuerContext, faults: Faults): TenantsFile | undefined {
  const fields = Fields.open(root, 'the file', ['apiVersion', 'tenants'], faults);
  if (fields === undefined) return undefined;
  fields.required('apiVersion', oneOf([API_VERSION]), `write "apiVersion: ${API_VERSION}"`);
  const book = new NameRegistry(faults);
  const tenants = fields.required(
    'tenants',
    listOf((node) => readTenant(node, context, book, faults)),
    'write "tenants: []" for none',
  );
  return tenants === undefined ? undefined : { tenants };
}
