import { Outage } from './outage.ts';

function outage() {
  const lines: string[] = [];
  const away = (reason: string) => void lines.push(reason);
  return { lines, it: new Outage({ away, back: () => void lines.push('back') }, ['refused', 'lost', 'silent']) };
}

describe('an outage', () => {
  it('logs one line, however often it is noticed, and one more when it is over', () => {
    const { it: one, lines } = outage();
    for (let attempt = 0; attempt < 3; attempt += 1) one.away('sealed');
    expect(one.isOn).toBe(true);
    for (let attempt = 0; attempt < 3; attempt += 1) one.back();
    expect(one.isOn).toBe(false);
    expect(lines).toEqual(['sealed', 'back']);
  });

  it('logs one line for all kinds of connection failure', () => {
    const { it: one, lines } = outage();
    for (const reason of ['lost', 'refused', 'silent', 'refused']) one.away(reason);
    expect(lines).toEqual(['lost']);
  });

  it('logs a further reason once', () => {
    const { it: one, lines } = outage();
    for (const reason of ['refused', 'sealed', 'refused', 'sealed', 'denied']) one.away(reason);
    expect(lines).toEqual(['refused', 'sealed', 'denied']);
  });

  it('logs again what it logged in an earlier outage', () => {
    const { it: one, lines } = outage();
    one.away('sealed');
    one.back();
    one.away('sealed');
    expect(lines).toEqual(['sealed', 'back', 'sealed']);
  });

  it('logs nothing for a dependency that was never away', () => {
    const { it: one, lines } = outage();
    one.back();
    expect(lines).toEqual([]);
  });
});
