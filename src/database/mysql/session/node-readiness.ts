import type { Connection } from 'mysql2';
import { isLockWaitOver } from '../../database-failure.ts';

/** A node answers at once. Whoever waits for the statement's error has little time left. */
const ANSWER_MS = 500;

/**
 * A Galera node without its cluster cannot wait for what the others have committed. It then says of a prepared statement, and of a SELECT without a
 * table, that a wait for a lock is over (1205), and of any other statement what is wrong (1047). So after the first error, it is asked for the second:
 * connections to such a node have to be replaced, and its operator has to know.
 *
 * @param then gets the node's error if there is one, else the statement's
 */
export function whyFailed<E>(connection: Pick<Connection, 'query'>, failed: E, then: (error: E) => void): void {
  if (!isLockWaitOver(failed)) {
    then(failed);
    return;
  }
  connection.query({ sql: 'DO 0', timeout: ANSWER_MS }, (unready) => {
    then((unready ?? failed) as E);
  });
}
