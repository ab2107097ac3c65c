import { AdministratorDirectory } from '../../directory/administrator.directory.ts';
import type { GrantPath } from '../../directory/grant-paths.ts';
import { type Subject, type SubjectDirectories, SubjectDirectory } from '../../directory/subject.ts';
import type { CanonicalEmail } from '../../domain/email.ts';
import type { PersonSurface } from '../../domain/surface.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import { CopiedServiceDirectory } from '../copied-service.directory.ts';
import { CopiedUserDirectory } from '../copied-user.directory.ts';
import type { Installation } from '../installation.ts';

/** Looks subjects up as a server does, and keeps the paths to the scopes of the last one. */
export class ExplainedDirectories implements SubjectDirectories {
  readonly admin: SubjectDirectory;
  readonly user: SubjectDirectory;
  readonly service: SubjectDirectory;
  /** Undefined: no subject was found. */
  paths: readonly GrantPath[] | undefined = undefined;
  readonly #administrators: AdministratorDirectory;
  readonly #users: CopiedUserDirectory;

  constructor({ database, directories }: Installation) {
    const administrators = new AdministratorDirectory(database);
    const users = new CopiedUserDirectory(directories);
    this.#administrators = administrators;
    this.#users = users;
    this.service = new CopiedServiceDirectory(directories);
    this.admin = new ByEmail(async (tenant, email) => {
      const subject = await administrators.findByEmail(tenant, email);
      this.paths = subject?.scopes.map(({ name }) => ({ scope: name, role: undefined, group: undefined }));
      return subject;
    });
    this.user = new ByEmail(async (tenant, email) => {
      const found = await users.findWithPaths(tenant, email);
      this.paths = found?.paths;
      return found?.subject;
    });
  }

  /** The address of the subject with that id; undefined: there is none. */
  async emailOf(tenant: Tenant, surface: PersonSurface, id: string): Promise<string | undefined> {
    const directory = surface === 'admin' ? this.#administrators : this.#users;
    return (await directory.findById(tenant, id))?.email;
  }
}

type FindByEmail = (tenant: Tenant, email: CanonicalEmail) => Promise<Subject | undefined>;

class ByEmail extends SubjectDirectory {
  readonly #find: FindByEmail;

  constructor(find: FindByEmail) {
    super();
    this.#find = find;
  }

  override findByEmail(tenant: Tenant, email: CanonicalEmail): Promise<Subject | undefined> {
    return this.#find(tenant, email);
  }

  override findById(): Promise<never> {
    return this.findByIdentity();
  }

  override findByIdentity(): Promise<never> {
    return Promise.reject(new Error('generateToken names its subject by address'));
  }
}
