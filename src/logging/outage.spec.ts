import { Outage } from './outage.ts';

function outage() {
  const lines: string[] = [];
  const away = (reason: string) => void lines.push(reason);
  return { lines, it: new Outage({ away, back: () => void lines.push('back') }, ['refused', 'lost', 'silent']) };
}

describe('an outage', () => {
  it('is one line, however often it is noticed, and one more when it is over', () => {
    const { it: one, lines } = outage();
    for (let attempt = 0; attempt < 3; attempt += 1) one.away('sealed');
    expect(one.isOn).toBe(true);
    for (let attempt = 0; attempt < 3; attempt += 1) one.back();
    expect(one.isOn).toBe(false);
    expect(lines).toEqual(['sealed', 'back']);
  });

  it('has one line for all the ways of not being there', () => {
    const { it: one, lines } = outage();
    for (const reason of ['lost', 'refused', 'silent', 'refused']) one.away(reason);
    expect(lines).toEqual(['lost']);
  });

  it('has a line for a further reason, once', () => {
    const { it: one, lines } = outage();
    for (const reason of ['refused', 'sealed', 'refused', 'sealed', 'denied']) one.away(reason);
    expect(lines).toEqual(['refused', 'sealed', 'denied']);
  });

  it('says again what it said in the outage before', () => {
    const { it: one, lines } = outage();
    one.away('sealed');
    one.back();
    one.away('sealed');
    expect(lines).toEqual(['sealed', 'back', 'sealed']);
  });

  it('says nothing of what was never away', () => {
    const { it: one, lines } = outage();
    one.back();
    expect(lines).toEqual([]);
  });
});
