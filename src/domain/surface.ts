/** The set of endpoints, admin or user, that a request or token belongs to. A token of one surface is never valid on the other. */
export type Surface = 'admin' | 'user';
export const SURFACES: readonly Surface[] = Object.freeze(['admin', 'user']);
