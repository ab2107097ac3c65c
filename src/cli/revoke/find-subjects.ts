import { CopiedUserDirectory } from '../copied-user.directory.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { TesseraError } from '../../errors/tessera-error.ts';
import { hasAddress } from '../../directory/administrator.ts';
import type { TenantState } from '../../provisioning/apply/control-plane.writer.ts';
import { parseEmail } from '../../domain/email.ts';
import { parseServiceId } from '../../domain/service-id.ts';
import { explainError } from '../explain-error.ts';
import type { Installation } from '../installation.ts';

/**
 * Finds the subjects whose tokens to revoke: the tenant's user and administrator with that id or email address, or its client with that `sub`. An id
 * is compared byte by byte, an address as at sign-in.
 *
 * @returns at least one id
 * @throws OperatorError if there is none, or if the tenant's database does not answer
 */
export async function findSubjects(
  stores: Installation,
  { tenant, administrators }: TenantState,
  name: string,
): Promise<readonly string[]> {
  const service = parseServiceId(name);
  if (service !== undefined) {
    // Also one that has no tokens of its own now: it may have had some, and tokens name it as an actor.
    if (tenant.projects.get(service.projectId)?.clients.has(service.clientId) === true) return [name];
    throw new OperatorError(
      `Tenant ${tenant.id} has no such client: \`tessera clients list ${tenant.id}\` shows its clients. For a removed one, give the id with --force.`,
    );
  }
  const email = parseEmail(name)?.canonical;
  const found = administrators
    .filter((one) => one.id === name || (email !== undefined && hasAddress(one, email)))
    .map(({ id }) => id);
  const users = new CopiedUserDirectory(stores.directories);
  try {
    found.push(...ids(await users.findById(tenant, name)));
    if (email !== undefined) found.push(...ids(await users.findByEmail(tenant, email)));
  } catch (error) {
    if (!(error instanceof TesseraError)) throw error;
    throw new OperatorError(
      `The database of tenant ${tenant.id} cannot be searched for users. ${explainError(error)} Or give the id with --force, which skips the lookup.`,
      { cause: error },
    );
  }
  if (found.length > 0) return [...new Set(found)];
  throw new OperatorError(
    `Tenant ${tenant.id} has no such user or administrator: give an id as in "sub" of its tokens, in its exact case, or an email address. For a deleted one, give the id with --force.`,
  );
}

function ids(subject: { readonly id: string } | undefined): string[] {
  return subject === undefined ? [] : [subject.id];
}
