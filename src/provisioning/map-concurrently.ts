/**
 * How many tenants are read or changed at once. Most of the time is spent waiting for disks and servers. Below the number of connections that the CLI
 * may open on a database server that is in use.
 */
const AT_ONCE = 6;

/**
 * Works on all items, a few at a time. The results are in the order of the items.
 *
 * @param work must handle its own failures: if one call rejects, all stop
 */
export async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  onItem: (done: number, total: number) => void,
  work: (item: Item) => Promise<Result>,
  atOnce = AT_ONCE,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  let done = 0;
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) {
      results[index] = await work(item);
      done += 1;
      onItem(done, items.length);
    }
  };
  onItem(0, items.length);
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}
