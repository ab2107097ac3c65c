import type { TesseraError } from '../errors/tessera-error.ts';

/** Which database an error is about, for CLI messages and log lines. Holds no secret. */
export interface DatabaseSite {
  /** Absent: the control database. */
  readonly tenantId?: string;
  /** Absent: an embedded database. */
  readonly server?: DatabaseAddress;
}

export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  /** Absent: the connection has no current database. */
  readonly database?: string;
}

/** Kept outside the errors, whose texts are fixed phrases. */
const sites = new WeakMap<TesseraError, DatabaseSite>();

/** Records the error's database, unless one is recorded already. Returns the error. */
export function atSite(site: DatabaseSite, error: TesseraError): TesseraError {
  if (!sites.has(error)) sites.set(error, site);
  return error;
}

export function siteOf(error: TesseraError): DatabaseSite | undefined {
  return sites.get(error);
}
