import { describeError } from './describe-error.ts';

const MARK = 'm4rk';

class ForeignError extends Error {}

describe('describeError', () => {
  it('names the class, the code and the places, from the project’s folder on', () => {
    const fault = describeError(Object.assign(new ForeignError(MARK), { code: 'ECONNREFUSED' }));
    expect(fault).toMatch(/^ForeignError ECONNREFUSED < src\/logging\/describe-error\.spec\.ts:\d+ < /);
  });

  it.each([
    ['a message', new Error(MARK)],
    ['a message of many lines that look like frames', new Error(`x\n    at ${MARK} (/etc/${MARK}:1:1)`)],
    ['a code that is a text', Object.assign(new Error('x'), { code: `select ${MARK}` })],
    ['a message that was changed later', Object.assign(new Error(`old ${MARK}`), { message: 'new' })],
    ['a stack of its own', Object.assign(new Error('x'), { stack: MARK })],
    ['a cause', new Error('x', { cause: new Error(MARK) })],
    ['a string', MARK],
    ['an object', { message: MARK }],
  ])('shows nothing of %s', (_name, thrown) => {
    expect(describeError(thrown)).not.toContain(MARK);
  });
});
