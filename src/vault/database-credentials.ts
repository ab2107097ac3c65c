import { Secret } from '../config/secret.ts';
import { unavailable } from '../errors/tessera-error.ts';

/** The Vault entry at `database/<tenant>`. */
export interface DatabaseCredentials {
  readonly username: string;
  readonly password: Secret;
}

/** @throws TesseraError `temporarily_unavailable` unless the entry holds both as text; an empty password is valid */
export function parseDatabaseCredentials(data: Readonly<Record<string, unknown>>): DatabaseCredentials {
  const { username, password } = data;
  if (typeof username !== 'string' || username === '' || typeof password !== 'string')
    throw unavailable('vault', 'the entry is malformed');
  return { username, password: new Secret(password) };
}
