/** Values in one statement, below SQLite's and MySQL's limits on placeholders. */
const VALUES_PER_STATEMENT = 500;

/** Parts of a list that fit into one statement each. */
export function* slices<V>(values: readonly V[]): Generator<readonly V[]> {
  for (let start = 0; start < values.length; start += VALUES_PER_STATEMENT)
    yield values.slice(start, start + VALUES_PER_STATEMENT);
}
