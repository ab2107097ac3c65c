import { type ClientId, parseClientId, parseProjectId, type ProjectId } from './ids.ts';

/** A client in the tenant of the context. */
export interface ClientPath {
  readonly projectId: ProjectId;
  readonly clientId: ClientId;
}

/** Parses `project/client`. @returns undefined for a text of another form */
export function parseClientPath(text: string): ClientPath | undefined {
  const slash = text.indexOf('/');
  if (slash === -1) return undefined;
  const projectId = parseProjectId(text.slice(0, slash));
  // A second slash is no character of an id.
  const clientId = parseClientId(text.slice(slash + 1));
  return projectId === undefined || clientId === undefined ? undefined : { projectId, clientId };
}

const PREFIX = 'client:';

/** The `sub` of a client's own tokens. No person can have an id of this form (`parseSubjectId`). */
export function serviceId({ projectId, clientId }: ClientPath): string {
  return `${PREFIX}${projectId}/${clientId}`;
}

/** The client with that `sub`; undefined for a text of another form. */
export function parseServiceId(text: string): ClientPath | undefined {
  return text.startsWith(PREFIX) ? parseClientPath(text.slice(PREFIX.length)) : undefined;
}
