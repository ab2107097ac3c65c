import { tokenOf } from '../../support/requests/token-endpoint.ts';
import { type ExchangeService, startExchangeService } from '../../support/tessera/exchange-service.ts';

let service: ExchangeService;
beforeAll(async () => {
  service = await startExchangeService();
});
afterAll(() => service.close());

it('a removed issuer vouches for no new token, and those that it has vouched for stay until they are revoked', async () => {
  const { tessera } = service;
  const bearer = await service.bearer();
  const token = tokenOf(await service.exchange({ bearer }));
  const validate = () => tessera.get('/auth/validate', { authorization: `Bearer ${token}` });

  await tessera.apply('apiVersion: tessera/v1\ntenants: [{ id: acme, issuers: [] }]\n', ['--prune']);
  expect((await service.exchange({ bearer })).refusal()).toMatchObject({ status: 401, error: 'unauthorized' });
  expect((await validate()).body).toMatchObject({ valid: true });

  // As docs/tenants-file.md says.
  await tessera.cli(['revoke', '--client', 'acme/shop/web']);
  await tessera.caughtUp();
  expect((await validate()).refusal()).toMatchObject({ status: 401, error: 'unauthorized' });
});
