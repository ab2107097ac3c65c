/** Which door a request came through. A token of one surface is never good at the other. */
export type Surface = 'admin' | 'user';
export const SURFACES: readonly Surface[] = Object.freeze(['admin', 'user']);
