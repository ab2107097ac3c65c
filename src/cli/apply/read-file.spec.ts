import { refusedFile } from './read-file.ts';

describe('a refused file', () => {
  it('shows the first errors, and says how many there are', () => {
    const errors = Array.from({ length: 250 }, (_, index) => ({ line: 250 - index, column: 1, message: 'wrong' }));
    const lines = refusedFile('a.yaml', errors).message.split('\n');
    expect(lines).toHaveLength(102);
    expect(lines.slice(0, 2)).toEqual(['a.yaml:1:1: wrong', 'a.yaml:2:1: wrong']);
    expect(lines.slice(-2)).toEqual([
      '… and 150 more',
      '250 errors; nothing was changed. Correct the file and apply it again.',
    ]);
  });
});
