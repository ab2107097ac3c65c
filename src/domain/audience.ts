/** The audience of the management API. The token endpoint issues no tokens for it. */
export const MANAGEMENT_AUDIENCE = 'urn:tessera:manage';
