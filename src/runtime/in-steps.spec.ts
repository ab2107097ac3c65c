import { inSteps } from './in-steps.ts';

it('lets others run between two steps, and ends when nothing is left', async () => {
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 1);
  const seen: number[] = [];
  await inSteps(new AbortController().signal, () => Promise.resolve(seen.push(turns) < 4));
  clearInterval(timer);
  expect(seen).toHaveLength(4);
  expect(new Set(seen).size).toBe(4);
});

it('ends when the signal is aborted, also during a pause', async () => {
  const ending = new AbortController();
  let steps = 0;
  await inSteps(ending.signal, () => {
    steps += 1;
    if (steps === 3)
      setImmediate(() => {
        ending.abort();
      });
    return Promise.resolve(true);
  });
  expect(steps).toBe(3);
});

it('begins nothing after it', async () => {
  await inSteps(AbortSignal.abort(), () => Promise.reject(new Error('a step')));
});

it('passes on the error of a step', async () => {
  const failing = inSteps(new AbortController().signal, () => Promise.reject(new Error('a step')));
  await expect(failing).rejects.toThrow('a step');
});
