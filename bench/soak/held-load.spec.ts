import { judgeLoad, LEAST_CPU_SHARE, MOST_CPU_SHARE, MOST_SKIPPED_SHARE } from './held-load.ts';

describe('the load of a soak', () => {
  it('was held when hardly anything could not be sent and the server had room', () => {
    const verdict = judgeLoad({ due: 10_000, skipped: 10_000 * MOST_SKIPPED_SHARE, cpuShare: MOST_CPU_SHARE });
    expect(verdict.isMet).toBe(true);
    expect(verdict.lines.join()).not.toMatch(/NOT HELD|NOT LOADED|OVERLOADED/);
  });

  it('was not held when more could not be sent', () => {
    const verdict = judgeLoad({ due: 10_000, skipped: 10_000 * MOST_SKIPPED_SHARE + 1, cpuShare: 0.6 });
    expect(verdict.isMet).toBe(false);
    expect(verdict.lines[0]).toMatch(/5\.0 %\) could not be sent; limit 5\.0 %: THE LOAD WAS NOT HELD$/);
  });

  it('was not held when nothing was due', () => {
    expect(judgeLoad({ due: 0, skipped: 0, cpuShare: 0.6 }).isMet).toBe(false);
  });

  it('was too much for a server without room', () => {
    const verdict = judgeLoad({ due: 10_000, skipped: 0, cpuShare: MOST_CPU_SHARE + 0.01 });
    expect(verdict.isMet).toBe(false);
    expect(verdict.lines[1]).toMatch(/96\.0 % of its core; limits 20\.0 % and 95\.0 %: THE SERVER WAS OVERLOADED$/);
  });

  it('was too little for a server that hardly worked', () => {
    const verdict = judgeLoad({ due: 10_000, skipped: 0, cpuShare: LEAST_CPU_SHARE - 0.01 });
    expect(verdict.isMet).toBe(false);
    expect(verdict.lines[1]).toMatch(/^the server used 19\.0 % .*: THE SERVER WAS NOT LOADED$/);
  });
});
