import { eventually } from '../../libs/token/test/eventually.ts';
import { collectingLog } from '../testing/storage.ts';
import type { VaultFailure } from '../errors/dependency-failure.ts';
import { unavailable } from '../errors/tessera-error.ts';
import { VaultWatch } from './vault-watch.ts';

it('logs once why Vault is away, and once when it is back', async () => {
  const { log, lines } = collectingLog();
  const reasons: VaultFailure[] = ['it cannot be reached', 'no answer in time', 'it is sealed or not ready'];
  let looks = 0;
  const check = () => {
    const reason = reasons[looks];
    looks += 1;
    return reason === undefined ? Promise.resolve() : Promise.reject(unavailable('vault', reason));
  };
  const watch = new VaultWatch({ check }, log);
  watch.start();
  await eventually('it is back', () => lines.length === 3);
  await watch.stop();
  expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
    expect.objectContaining({ event: 'vault_unavailable', reason: 'it cannot be reached' }),
    expect.objectContaining({ event: 'vault_unavailable', reason: 'it is sealed or not ready' }),
    expect.objectContaining({ event: 'vault_available' }),
  ]);
});
