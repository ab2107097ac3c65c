/**
 * How many prepared statements a connection keeps on the server; the one that was used least recently makes room for a new one. Of the control database:
 * one for each size of an append to the audit, and some more. Of a tenant: a few reads.
 */
export const PREPARED_STATEMENTS = { control: 128, tenant: 16 } as const;
