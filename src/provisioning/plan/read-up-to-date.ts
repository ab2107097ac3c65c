import type { DirectoryReader } from '../../directory/provisioning/directory.reader.ts';
import type { DirectoryState } from '../../directory/provisioning/directory-state.ts';
import { DirectoryWriter } from '../../directory/provisioning/directory.writer.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import type { TenantDatabase } from '../../tenancy/tenant.ts';

/**
 * Reads a directory that was opened for reading, also one with an older schema: what is in it must not count as nothing. An embedded one is a copy,
 * which is migrated.
 *
 * @param pending its pending migrations
 * @throws OperatorError if a directory on a server must be migrated first
 */
export async function readUpToDate(
  directory: DirectoryReader,
  { driver }: TenantDatabase,
  pending: readonly string[],
): Promise<DirectoryState> {
  if (pending.length > 0 && directory instanceof DirectoryWriter && (await directory.hasContent())) {
    if (driver !== 'sqlite')
      throw new OperatorError(
        'the schema of its database is not current, so its content cannot be read. Run: tessera migrate',
      );
    await directory.migrate();
  }
  return directory.read();
}
