import { describeError } from './describe-error.ts';

const CANARY = 'c4nary';

class ForeignError extends Error {}

describe('describeError', () => {
  it('names the class, the code and the locations, relative to the project’s folder', () => {
    const fault = describeError(Object.assign(new ForeignError(CANARY), { code: 'ECONNREFUSED' }));
    expect(fault).toMatch(/^ForeignError ECONNREFUSED < src\/logging\/describe-error\.spec\.ts:\d+ < /);
  });

  it.each([
    ['a message', new Error(CANARY)],
    ['a message of many lines that look like frames', new Error(`x\n    at ${CANARY} (/etc/${CANARY}:1:1)`)],
    ['a code that is a text', Object.assign(new Error('x'), { code: `select ${CANARY}` })],
    ['a message that was changed later', Object.assign(new Error(`old ${CANARY}`), { message: 'new' })],
    ['a stack of its own', Object.assign(new Error('x'), { stack: CANARY })],
    ['a cause', new Error('x', { cause: new Error(CANARY) })],
    ['a string', CANARY],
    ['an object', { message: CANARY }],
  ])('shows nothing of %s', (_name, thrown) => {
    expect(describeError(thrown)).not.toContain(CANARY);
  });
});
