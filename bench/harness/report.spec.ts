import { replaceSection, toMarkdown } from './report.ts';

const section = (value: string) => ({
  title: 'Speed',
  text: 'How fast.',
  tables: [{ head: ['contender', 'requests/s'], rows: [['bare', value]] }],
});

describe('a benchmark report', () => {
  it('pads its tables as the formatter wants them', () => {
    expect(toMarkdown(section('8,400'))).toBe(
      '## Speed\n\nHow fast.\n\n| contender | requests/s |\n| --------- | ---------- |\n| bare      | 8,400      |',
    );
  });

  it('puts the text of a table above it', () => {
    const [table] = section('1').tables;
    const tables = [table!, { ...table!, text: 'Once more.' }];
    expect(toMarkdown({ ...section('1'), tables })).toMatch(/How fast\.\n\n\|.*\|\n\nOnce more\.\n\n\|/s);
  });

  it('adds a section that the document does not have', () => {
    const document = replaceSection('# Benchmarks\n', section('1'), 'Two cores.');
    expect(document).toMatch(/^# Benchmarks\n\n<!-- npm run bench: Speed -->/);
    expect(document).toContain('Two cores.');
  });

  it('replaces the section that it measured and keeps the text around it', () => {
    const before = `${replaceSection('# Benchmarks\n', section('1111'), 'Two cores.')}\nBy hand.\n`;
    const after = replaceSection(before, section('2222'), 'Four cores.');
    expect(after).toContain('2222');
    expect(after).not.toContain('1111');
    expect(after).toContain('Four cores.');
    expect(after.endsWith('\nBy hand.\n')).toBe(true);
  });
});
