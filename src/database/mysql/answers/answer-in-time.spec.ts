import { stat } from 'node:fs/promises';
import { answerInTime } from './answer-in-time.ts';

const TIME_MS = 5;

describe('answerInTime', () => {
  it('resolves with an answer in time', async () => {
    await expect(answerInTime(60_000, Promise.resolve('the answer'))).resolves.toBe('the answer');
  });

  it('rejects without an answer', async () => {
    await expect(answerInTime(TIME_MS, new Promise(() => undefined))).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  });

  it('reads an answer that came while the process was busy', async () => {
    const answer = answerInTime(TIME_MS, stat(process.cwd()));
    blockFor(20 * TIME_MS);
    await expect(answer).resolves.toBeDefined();
  });

  it('rejects with the error of such an answer', async () => {
    const answer = answerInTime(TIME_MS, stat(`${process.cwd()}/not-there`));
    blockFor(20 * TIME_MS);
    await expect(answer).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

function blockFor(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
