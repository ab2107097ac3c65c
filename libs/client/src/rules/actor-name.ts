const CLIENT_SUBJECT = /^client:[a-z0-9][a-z0-9_-]{0,63}\/[a-z0-9][a-z0-9_-]{0,63}$/;

/** The `sub` that a client has as an actor. `shop/web` and `client:shop/web` name the same one. */
export function subjectOfActor(name: unknown): string {
  // Plain JavaScript may pass anything. The start refuses what becomes no name of a client.
  const text = String(name);
  return text.startsWith('client:') ? text : `client:${text}`;
}

/** Whether a client can have this `sub`. No token of Tessera names an actor that it calls a client in any other way. */
export function isSubjectOfActor(subject: string): boolean {
  return CLIENT_SUBJECT.test(subject);
}
