/** Names that differ in more characters than this are not a slip of the hand. */
const MAX_DISTANCE = 2;
const MAX_NAMES = 3;
/** The names that are compared: the message of an error must not take long. */
const MAX_COMPARED = 10_000;

/** The known names that are spelled almost like this one, the nearest first. */
export function nearNames(name: string, known: readonly string[]): string[] {
  return known
    .slice(0, MAX_COMPARED)
    .map((other) => ({ other, distance: distanceBetween(name, other) }))
    .filter(({ other, distance }) => distance <= MAX_DISTANCE && distance < other.length)
    .sort((one, two) => one.distance - two.distance)
    .slice(0, MAX_NAMES)
    .map(({ other }) => other);
}

/** The number of characters to insert, to remove or to replace: the distance of Levenshtein. Names have at most 128 characters. */
function distanceBetween(one: string, two: string): number {
  if (Math.abs(one.length - two.length) > MAX_DISTANCE) return Infinity;
  let previous = Array.from({ length: two.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row++) {
    const current = [row];
    for (let column = 1; column <= two.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (one[row - 1] === two[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[two.length] ?? Infinity;
}
