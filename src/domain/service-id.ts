import { type ClientId, parseClientId, parseProjectId, type ProjectId } from './ids.ts';

/** A client in the tenant of the context. */
export interface ClientPath {
  readonly projectId: ProjectId;
  readonly clientId: ClientId;
}

const PREFIX = 'client:';

/** The `sub` of a client's own tokens. No person can have an id of this form (`parseSubjectId`). */
export function serviceId({ projectId, clientId }: ClientPath): string {
  return `${PREFIX}${projectId}/${clientId}`;
}

/** The client with that `sub`; undefined for a text of another form. */
export function parseServiceId(text: string): ClientPath | undefined {
  const [project, client, ...rest] = text.startsWith(PREFIX) ? text.slice(PREFIX.length).split('/') : [];
  const projectId = parseProjectId(project);
  const clientId = parseClientId(client);
  return projectId === undefined || clientId === undefined || rest.length > 0 ? undefined : { projectId, clientId };
}
