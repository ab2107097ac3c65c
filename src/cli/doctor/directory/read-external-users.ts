import { EMAIL_LENGTH, SUBJECT_ID_LENGTH } from '../../../control-plane/entities/tenant.entity.ts';
import { readRequiredText, readText } from '../../../directory/bounded-text.ts';
import { columnsOf } from '../../../directory/relation-columns.ts';
import type { DirectoryFacts } from '../facts.ts';

/** An application may have any number, in any order, so that its users cannot be read by pages. */
const MAX_EXTERNAL_USERS = 100_000;

export interface ExternalUser {
  readonly id: string;
  /** Undefined for NULL: an application has users who never sign in by their address. */
  readonly email: string | undefined;
}

/** The first users of an external directory, in one page. */
export async function* externalUsers({
  directory,
}: {
  readonly directory: Pick<DirectoryFacts['directory'], 'relations' | 'query'>;
}): AsyncGenerator<readonly ExternalUser[]> {
  const { relations } = directory;
  const { text } = columnsOf(relations);
  const rows = await directory.query(
    `SELECT ${text('users.id', SUBJECT_ID_LENGTH, 'id')}, ${text('users.email', EMAIL_LENGTH, 'email')} FROM ${relations.from.users} users LIMIT ${MAX_EXTERNAL_USERS}`,
  );
  yield rows.map((row) => ({
    id: readRequiredText(row, 'id', SUBJECT_ID_LENGTH),
    email: readText(row, 'email', EMAIL_LENGTH),
  }));
}
