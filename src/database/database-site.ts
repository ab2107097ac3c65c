import type { TesseraError } from '../errors/tessera-error.ts';

/** Which database an error is about: for operators, in what the command line says and in log lines; nothing here is a secret. */
export interface DatabaseSite {
  /** Absent: the control database. */
  readonly tenantId?: string;
  /** Absent: an embedded one. */
  readonly server?: DatabaseAddress;
}

export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  /** Absent: the connection is to none. */
  readonly database?: string;
}

/** Beside the errors, whose texts are fixed phrases. */
const sites = new WeakMap<TesseraError, DatabaseSite>();

/** Notes where the error comes from, unless that is known; returns the error. */
export function atSite(site: DatabaseSite, error: TesseraError): TesseraError {
  if (!sites.has(error)) sites.set(error, site);
  return error;
}

export function siteOf(error: TesseraError): DatabaseSite | undefined {
  return sites.get(error);
}
