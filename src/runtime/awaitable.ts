/**
 * A result that may be there at once: of a step of every token whose data is usually in memory. An `await` of it would make a promise and a turn of
 * the microtask queue for nothing. Such a function may throw at once, too, so its caller handles both.
 */
export type Awaitable<T> = T | Promise<T>;

/** Whether the result comes later. */
export function isLater<T>(result: Awaitable<T>): result is Promise<T> {
  return result instanceof Promise;
}

/** Goes on with the result: at once if it is there. */
export function andThen<T, R>(result: Awaitable<T>, next: (value: T) => R): Awaitable<R> {
  return isLater(result) ? result.then(next) : next(result);
}
