/**
 * The kind of subject that a token is about: an administrator, a user, or a client itself. A token of one surface is never valid on another.
 */
export type Surface = 'admin' | 'user' | 'service';
export const SURFACES: readonly Surface[] = Object.freeze(['admin', 'user', 'service']);

/** The surfaces of people. They have endpoints of their own, and a client or a trusted issuer is opened to each by name. */
export type PersonSurface = Exclude<Surface, 'service'>;
export const PERSON_SURFACES: readonly PersonSurface[] = Object.freeze(['admin', 'user']);
