import { EventEmitter } from 'node:events';
import { MAX_WAITERS, RevocationWaiters } from './revocation-waiters.ts';

const LONG_MS = 20_000;
const connection = () => new EventEmitter();
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function isOver(wait: Promise<void>): Promise<boolean> {
  let over = false;
  void wait.then(() => (over = true));
  await turn();
  return over;
}

it('holds a bounded number of requests, and releases the rest at once', async () => {
  const waiters = new RevocationWaiters({ draining: false });
  const held = Array.from({ length: MAX_WAITERS }, () => waiters.wait(LONG_MS, connection()));
  expect(await isOver(held.at(-1)!)).toBe(false);
  expect(await isOver(waiters.wait(LONG_MS, connection()))).toBe(true);
  expect(waiters.count).toBe(MAX_WAITERS);
  waiters.releaseAll();
  await Promise.all(held);
  expect(waiters.count).toBe(0);
});

it('releases only requests whose client has left, and keeps nothing of them', async () => {
  const waiters = new RevocationWaiters({ draining: false });
  const [left, stays] = [connection(), connection()];
  const waits = [left, stays].map((one) => waiters.wait(LONG_MS, one));
  left.emit('close');
  expect(await Promise.all(waits.map(isOver))).toEqual([true, false]);
  expect([waiters.count, left.listenerCount('close'), stays.listenerCount('close')]).toEqual([1, 0, 1]);
  waiters.releaseAll();
});

it('holds no request during shutdown', async () => {
  const requests = { draining: false };
  const waiters = new RevocationWaiters(requests);
  requests.draining = true;
  expect(await isOver(waiters.wait(LONG_MS, connection()))).toBe(true);
});

it('releases requests that wait for news of a tenant, and not those that wait for others', async () => {
  const waiters = new RevocationWaiters({ draining: false });
  const waits = [['acme'], ['globex', 'acme'], ['globex'], undefined].map((tenants) =>
    waiters.wait(LONG_MS, connection(), tenants),
  );
  waiters.release(new Set(['acme']));
  expect(await Promise.all(waits.map(isOver))).toEqual([true, true, false, true]);
  expect(waiters.count).toBe(1);
  waiters.releaseAll();
});
