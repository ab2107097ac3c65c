import { OperatorError } from '../../errors/operator-error.ts';
import { unavailable } from '../../errors/tessera-error.ts';
import { failureOf, problemAndFix } from './failure.ts';

it('separates the problem from its fix, also where the problem holds an address', () => {
  expect(problemAndFix('Control database: connection refused (user x, 127.0.0.1:3306). Start the server.')).toEqual([
    'Control database: connection refused (user x, 127.0.0.1:3306)',
    'Start the server.',
  ]);
});

it('is about the secret store if it is away, whichever check asked', () => {
  const failure = failureOf(unavailable('vault', 'it cannot be reached'), 'tenant acme');
  expect(failure).toMatchObject({ check: 'vault', isVaultAway: true, found: { object: 'vault' } });
});

it('is about the object of the check if one entry is malformed', () => {
  const failure = failureOf(unavailable('vault', 'the entry is malformed'), 'acme/shop/web');
  expect(failure).toMatchObject({ check: undefined, isVaultAway: false, found: { object: 'acme/shop/web' } });
});

it('is about the control database if that does not answer', () => {
  const failure = failureOf(unavailable('control database', 'closed'), 'tenant acme');
  expect(failure).toMatchObject({ check: 'control-database', found: { object: 'control database' } });
});

it('holds no text of an unexpected error', () => {
  const { found } = failureOf(new Error('password=secret of ada@acme.example'), 'tenant acme');
  expect(JSON.stringify(found)).not.toMatch(/secret|ada@/);
  expect(found).toMatchObject({ severity: 'fault', object: 'tenant acme', problem: 'Unexpected failure (Error)' });
});

it('keeps a message of one sentence', () => {
  expect(failureOf(new OperatorError('Run: tessera apply'), 'x').found.problem).toBe('Run: tessera apply');
});
