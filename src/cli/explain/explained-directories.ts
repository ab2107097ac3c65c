import { AdministratorDirectory } from '../../directory/administrator.directory.ts';
import type { GrantPath } from '../../directory/grant-paths.ts';
import {
  findSubject,
  type Subject,
  type SubjectDirectories,
  SubjectDirectory,
  type SubjectReference,
} from '../../directory/subject.ts';
import type { CanonicalEmail } from '../../domain/email.ts';
import { parseServiceId } from '../../domain/service-id.ts';
import type { PersonSurface } from '../../domain/surface.ts';
import type { Client, Tenant } from '../../tenancy/tenant.ts';
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
  /** The client that the last subject is. Its bound holds for its own grants. Undefined: the subject is a person. */
  subjectClient: Client | undefined = undefined;
  readonly #administrators: AdministratorDirectory;
  readonly #users: CopiedUserDirectory;

  constructor({ database, directories }: Installation) {
    const administrators = new AdministratorDirectory(database);
    const users = new CopiedUserDirectory(directories);
    this.#administrators = administrators;
    this.#users = users;
    const services = new CopiedServiceDirectory(directories, (paths) => (this.paths = paths));
    this.service = new ObservedDirectory(async (tenant, reference) => {
      this.subjectClient = reference.by === 'id' ? clientOf(tenant, reference.id) : undefined;
      return findSubject(services, tenant, reference);
    });
    this.admin = new ObservedDirectory(async (tenant, reference) => {
      const subject = await findSubject(administrators, tenant, reference);
      this.paths = subject?.scopes.map(({ name }) => ({ scope: name, role: undefined, group: undefined }));
      return subject;
    });
    this.user = new ObservedDirectory(async (tenant, reference) => {
      const found = await users.findWithPaths(tenant, reference);
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

function clientOf(tenant: Tenant, id: string): Client | undefined {
  const path = parseServiceId(id);
  return path && tenant.projects.get(path.projectId)?.clients.get(path.clientId);
}

type Find = (tenant: Tenant, reference: SubjectReference) => Promise<Subject | undefined>;

class ObservedDirectory extends SubjectDirectory {
  readonly #find: Find;

  constructor(find: Find) {
    super();
    this.#find = find;
  }

  override findByEmail(tenant: Tenant, email: CanonicalEmail): Promise<Subject | undefined> {
    return this.#find(tenant, { by: 'email', email });
  }

  override findById(tenant: Tenant, id: string): Promise<Subject | undefined> {
    return this.#find(tenant, { by: 'id', id });
  }

  override findByIdentity(tenant: Tenant, issuer: string, sub: string): Promise<Subject | undefined> {
    return this.#find(tenant, { by: 'identity', issuer, sub });
  }
}
