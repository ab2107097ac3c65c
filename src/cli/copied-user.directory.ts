import type { Tenant } from '../tenancy/tenant.ts';
import type { CanonicalEmail } from '../domain/email.ts';
import type { DirectoryOpener } from '../directory/provisioning/directory.opener.ts';
import type { DirectoryWriter } from '../directory/provisioning/directory.writer.ts';
import { findGrantsByEmail, findGrantsById, findGrantsByIdentity } from '../directory/grants-query.ts';
import { isLinkable } from '../directory/linked-identity.ts';
import { type Subject, SubjectDirectory } from '../directory/subject.ts';

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

  override async findByIdentity(tenant: Tenant, issuer: string, sub: string): Promise<Subject | undefined> {
    if (!isLinkable(issuer, sub)) return undefined;
    return this.#read(tenant, (directory) => findGrantsByIdentity(directory, tenant.id, issuer, sub));
  }

  /** Finds a user by the id that tokens have as `sub`. */
  findById(tenant: Tenant, id: string): Promise<Subject | undefined> {
    return this.#read(tenant, (directory) => findGrantsById(directory, tenant.id, id));
  }

  async #read(
    tenant: Tenant,
    find: (directory: DirectoryWriter) => Promise<Subject | undefined>,
  ): Promise<Subject | undefined> {
    const directory = await this.#opener.openForReading(tenant);
    if (directory === undefined) return undefined;
    try {
      return await find(directory);
    } finally {
      await directory.close();
    }
  }
}
