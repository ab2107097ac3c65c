import { Log } from './log.ts';
import { formatForTerminal } from './terminal-lines.ts';

function linesOf(work: (log: Log) => void): string[] {
  const lines: string[] = [];
  work(new Log('debug', { write: (line) => void lines.push(formatForTerminal(line)) }));
  return lines;
}

describe('a log line for a terminal', () => {
  it('has the time of day, the level, the event and the fields', () => {
    const [line] = linesOf((log) => {
      log.warn('vault_away', { reason: 'sealed', attempts: 3, fix: 'unseal "it"', absent: undefined });
    });
    expect(line).toMatch(/^\d\d:\d\d:\d\d warn {2}vault_away reason=sealed attempts=3 fix="unseal \\"it\\""\n$/);
  });

  it('aligns the levels', () => {
    const lines = linesOf((log) => {
      log.info('one');
      log.error('two');
    });
    expect(lines.map((line) => line.slice(9))).toEqual(['info  one\n', 'error two\n']);
  });

  it('shows as escapes what a terminal would act on', () => {
    const [line] = linesOf((log) => {
      log.info('request', { path: '/\u001b[2J\u202e', note: 'a\nb\u009b' });
    });
    expect(line).toContain('path="/\\u001b[2J\\u202e" note="a\\nb\\u009b"\n');
  });

  it.each(['no JSON\n', 'null\n', '{"level":30}\n', '{"level":"30","time":1,"event":"x"}\n'])(
    'passes on %j, which no log wrote',
    (line) => {
      expect(formatForTerminal(line)).toBe(line);
    },
  );
});
