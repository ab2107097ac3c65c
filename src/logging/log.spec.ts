import { Log, type LogFields } from './log.ts';

function linesOf(level: 'debug' | 'info' | 'warn' | 'error' | 'silent', work: (log: Log) => void): string[] {
  const lines: string[] = [];
  work(new Log(level, { write: (line) => void lines.push(line) }));
  return lines;
}

function parse(line: string | undefined): Record<string, unknown> {
  return JSON.parse(line ?? '') as Record<string, unknown>;
}

describe('a log line', () => {
  it('is one JSON object per line, with level, time, fields and event', () => {
    const before = Date.now();
    const [line] = linesOf('info', (log) => {
      log.warn('something_happened', { tenant_id: 'acme', count: 3, done: false, absent: undefined });
    });
    expect(line).toMatch(/^\{.*\}\n$/);
    const { time, ...rest } = parse(line);
    expect(rest).toEqual({ level: 40, tenant_id: 'acme', count: 3, done: false, event: 'something_happened' });
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(Date.now());
  });

  it.each([
    ['a quote and a backslash', 'a "quoted\\" word'],
    ['line ends and other control characters', 'one\r\ntwo\u0000\u001b[2J\u007f\u0085'],
    ['a lone surrogate', 'half \ud83d of a pair'],
    ['characters outside ASCII', 'Zoë 😀 \u2028'],
    ['nothing', ''],
  ])('carries %s', (_, text) => {
    const [line] = linesOf('info', (log) => {
      log.info('event', { text });
    });
    expect(line?.match(/\n/g)).toHaveLength(1);
    expect(line).toContain(`"text":${JSON.stringify(text)}`);
    expect(parse(line)['text']).toBe(text);
  });

  it('writes a number that JSON does not have as null', () => {
    const [line] = linesOf('info', (log) => {
      log.info('event', { ms: Number.NaN, most: Infinity });
    });
    expect(parse(line)).toMatchObject({ ms: null, most: null });
  });

  it.each([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['error', ['error']],
    ['silent', []],
  ] as const)('is written from level %s on', (level, written) => {
    const fields: LogFields = {};
    const lines = linesOf(level, (log) => {
      log.debug('debug', fields);
      log.info('info', fields);
      log.warn('warn', fields);
      log.error('error', fields);
    });
    expect(lines.map((line) => parse(line)['event'])).toEqual(written);
  });
});
