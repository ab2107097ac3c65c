/**
 * How many tenants are read or changed at once: most of the time goes into waiting for disks and servers. Below the connections that the CLI
 * may take of a server beside the ones that serve.
 */
const AT_ONCE = 6;

/**
 * Works on all items, a few at a time, and gives the results in the items' order, whichever came first.
 *
 * @param work handles its own failures: one that rejects ends all
 */
export async function severalAtOnce<Item, Result>(
  items: readonly Item[],
  onItem: (done: number, total: number) => void,
  work: (item: Item) => Promise<Result>,
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
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}
