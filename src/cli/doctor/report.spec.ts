import { unavailable } from '../../errors/tessera-error.ts';
import { type Check, type Found, MAX_FOUND } from './finding.ts';
import { Report } from './report.ts';

const found = (object: string): Found => ({ severity: 'fault', object, problem: 'p', command: 'c' });
const failing = (error: Error): Check<undefined> => ({ name: 'failing', run: () => Promise.reject(error) });

it('shows a check that throws as a finding', async () => {
  const report = new Report();
  expect(await report.run(failing(new TypeError('x')), undefined, 'tenant acme')).toBe(false);
  expect(report.findings()).toMatchObject([{ check: 'failing', object: 'tenant acme', severity: 'fault' }]);
});

it('shows once that the secret store is away, whatever the reasons', async () => {
  const report = new Report();
  await report.run(failing(unavailable('vault', 'it cannot be reached')), undefined, 'a');
  await report.run(failing(unavailable('vault', 'no answer in time')), undefined, 'b');
  expect(report.findings()).toMatchObject([{ check: 'vault', object: 'vault' }]);
  expect(report.vaultIsAway).toBe(true);
});

it('leaves out a failure that follows from what is found already', async () => {
  const report = new Report();
  await report.run(failing(new Error('x')), undefined, 'a', () => true);
  expect(report.findings()).toEqual([]);
});

it('shows a bounded number of findings of one check, and that there are more', () => {
  const report = new Report();
  report.addAll(
    'many',
    'tenant acme',
    Array.from({ length: MAX_FOUND + 1 }, (_, index) => found(`object ${index}`)),
  );
  expect(report.findings()).toHaveLength(MAX_FOUND + 1);
  expect(report.findings().some(({ problem }) => problem.includes('more findings'))).toBe(true);
});

it('holds a bounded number of findings in all', () => {
  const report = new Report();
  for (let index = 0; index < 10_005; index += 1) report.add('many', found(`object ${index}`));
  expect(report.findings()).toHaveLength(10_001);
  expect(report.findings().at(-1)?.problem).toBe('5 more findings');
});
