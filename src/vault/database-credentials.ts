import { Secret } from '../config/secret.ts';
import { unavailable } from '../errors/tessera-error.ts';

/** What Vault holds at `database/<tenant>`. */
export interface DatabaseCredentials {
  readonly username: string;
  readonly password: Secret;
}

/** @throws TesseraError `temporarily_unavailable` when the entry does not hold both, as text; an empty password is one */
export function parseDatabaseCredentials(data: Readonly<Record<string, unknown>>): DatabaseCredentials {
  const { username, password } = data;
  if (typeof username !== 'string' || username === '' || typeof password !== 'string')
    throw unavailable('vault', 'the entry is malformed');
  return { username, password: new Secret(password) };
}
