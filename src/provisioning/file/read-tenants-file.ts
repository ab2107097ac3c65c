import { type ValidationError, ValidationErrors } from './validation-error.ts';
import { NameRegistry } from './readers/name-registry.ts';
import { Fields, listOf, oneOf } from './readers/read-fields.ts';
import type { IssuerContext } from './readers/read-issuers.ts';
import { readTenant } from './readers/read-tenant.ts';
import type { PartialTenantsFile } from './partial-tenants-file.ts';
import type { SourceNode } from './source-node.ts';
import { readYaml } from './yaml-source.ts';

export const API_VERSION = 'tessera/v1';

export type ReadResult =
  | { readonly file: PartialTenantsFile }
  /** `draft` is what could be read, without the invalid members: it tells which further errors the file has. */
  | { readonly errors: readonly ValidationError[]; readonly draft: PartialTenantsFile };

/**
 * Reads a tenants file. Never throws: the result is the whole file, or its validation errors in the order of their lines. What depends on the things
 * that exist, such as a reference to a role, is checked when the file is merged with them.
 */
export function readTenantsFile(bytes: Uint8Array, context: IssuerContext): ReadResult {
  const errors = new ValidationErrors();
  const root = readYaml(bytes, errors);
  const file = root === undefined ? undefined : readFile(root, context, errors);
  const list = errors.list();
  return file === undefined || list.length > 0 ? { errors: list, draft: file ?? { tenants: [] } } : { file };
}

function readFile(root: SourceNode, context: IssuerContext, errors: ValidationErrors): PartialTenantsFile | undefined {
  const fields = Fields.open(root, 'the file', ['apiVersion', 'tenants'], errors);
  if (fields === undefined) return undefined;
  fields.required('apiVersion', oneOf([API_VERSION]), `write "apiVersion: ${API_VERSION}"`);
  const registry = new NameRegistry(errors);
  const tenants = fields.required(
    'tenants',
    listOf((node) => readTenant(node, context, registry, errors)),
    'write "tenants: []" for none',
  );
  return tenants === undefined ? undefined : { tenants };
}
