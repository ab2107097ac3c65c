/** An account as the server sees it, with the address from which this process connects. */
export interface DeniedAccount {
  readonly user: string;
  readonly host: string;
}

// Matches names only: the text comes from another server and may hold anything.
const DENIED = /(?:Access denied for|command denied to) user '([\w.@$%-]{0,80})'@'([\w.:%-]{1,255})'/;
const HOST = /^Host '([\w.:%-]{1,255})' is (?:not allowed|blocked)/;

/** Extracts the account from a MySQL error about access. Nothing else of its text is used. */
export function deniedAccount(error: unknown, user: string): DeniedAccount | undefined {
  const text = messageOf(error);
  const denied = DENIED.exec(text);
  if (denied?.[1] !== undefined && denied[2] !== undefined) return { user: denied[1], host: denied[2] };
  const host = HOST.exec(text)?.[1];
  return host === undefined ? undefined : { user, host };
}

function messageOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  // TypeORM wraps the driver's error.
  const { sqlMessage, driverError } = error as { readonly sqlMessage?: unknown; readonly driverError?: unknown };
  return typeof sqlMessage === 'string' ? sqlMessage : messageOf(driverError);
}
