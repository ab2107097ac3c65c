import { Metrics } from './metrics.ts';

async function linesOf(metrics: Metrics, name: string): Promise<string[]> {
  const text = await metrics.expose();
  return text.split('\n').filter((line) => line.startsWith(name));
}

describe('a gauge', () => {
  it.each([[[]], [['state']]])('with the labels %j is absent while it has no value', async (labelNames) => {
    const metrics = new Metrics();
    let value: number | undefined;
    const labels = Object.fromEntries(labelNames.map((name) => [name, 'x']));
    metrics.gauge('tessera_test', 'For this test.', labelNames, () => (value === undefined ? [] : [{ labels, value }]));
    expect(await linesOf(metrics, 'tessera_test')).toEqual([]);
    value = 0;
    expect(await linesOf(metrics, 'tessera_test')).toEqual([expect.stringMatching(/^tessera_test(\{state="x"\})? 0$/)]);
    value = undefined;
    expect(await linesOf(metrics, 'tessera_test')).toEqual([]);
  });
});
