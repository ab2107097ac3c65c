import type { Tenant } from '../tenancy/tenant.ts';
import type { CanonicalEmail } from '../domain/email.ts';
import type { DirectoryOpener } from '../directory/provisioning/directory.opener.ts';
import type { DirectoryReader } from '../directory/provisioning/directory.reader.ts';
import {
  findGrantPathsByEmail,
  findGrantPathsById,
  findGrantsByEmail,
  findGrantsById,
  findGrantsByIdentity,
  findLinkedId,
  type SubjectWithPaths,
} from '../directory/grants-query.ts';
import { unavailable } from '../errors/tessera-error.ts';
import { TENANT_DATABASE } from '../tenancy/tenant-database.ts';
import { isLinkable } from '../directory/linked-identity.ts';
import { type Subject, SubjectDirectory, type SubjectReference } from '../directory/subject.ts';

/** Looks up a tenant's users as a server would, for read-only commands: an embedded database is read from a private copy. */
export class CopiedUserDirectory extends SubjectDirectory {
  readonly #opener: DirectoryOpener;

  constructor(opener: DirectoryOpener) {
    super();
    this.#opener = opener;
  }

  override findByEmail(tenant: Tenant, email: CanonicalEmail): Promise<Subject | undefined> {
    return this.#read(tenant, (directory) => findGrantsByEmail(directory, tenant.id, email));
  }

  /**
   * Finds a user as the other methods do, with the paths to its scopes.
   *
   * @throws TesseraError temporarily_unavailable also if the database does not exist yet, as on a server
   */
  async findWithPaths(tenant: Tenant, reference: SubjectReference): Promise<SubjectWithPaths | undefined> {
    if (reference.by === 'identity' && !isLinkable(reference.issuer, reference.sub)) return undefined;
    const read = await this.#read(tenant, async (directory) => ({
      found: await findPaths(directory, tenant, reference),
    }));
    if (read === undefined) throw unavailable(TENANT_DATABASE, 'database does not exist');
    return read.found;
  }

  override async findByIdentity(tenant: Tenant, issuer: string, sub: string): Promise<Subject | undefined> {
    if (!isLinkable(issuer, sub)) return undefined;
    return this.#read(tenant, (directory) => findGrantsByIdentity(directory, tenant.id, issuer, sub));
  }

  override findById(tenant: Tenant, id: string): Promise<Subject | undefined> {
    return this.#read(tenant, (directory) => findGrantsById(directory, tenant.id, id));
  }

  async #read<Found>(
    tenant: Tenant,
    find: (directory: DirectoryReader) => Promise<Found | undefined>,
  ): Promise<Found | undefined> {
    const directory = await this.#opener.openForReading(tenant);
    if (directory === undefined) return undefined;
    try {
      return await find(directory);
    } finally {
      await directory.close();
    }
  }
}

async function findPaths(
  directory: DirectoryReader,
  { id: tenantId }: Tenant,
  reference: SubjectReference,
): Promise<SubjectWithPaths | undefined> {
  if (reference.by === 'email') return findGrantPathsByEmail(directory, tenantId, reference.email);
  const { by } = reference;
  const id = by === 'id' ? reference.id : await findLinkedId(directory, tenantId, reference.issuer, reference.sub);
  return findGrantPathsById(directory, tenantId, id);
}
