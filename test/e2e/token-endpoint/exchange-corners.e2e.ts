import { writeFileSync } from 'node:fs';
import { decodeJwt } from 'jose';
import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import { GRANTS, oauthRefusal, TokenEndpointUser, tokenOf } from '../../support/requests/token-endpoint.ts';
import { startExchangeService } from '../../support/tessera/exchange-service.ts';
import { startTessera } from '../../support/tessera/tessera.ts';

const change = (tenant: string, clients: string) =>
  `apiVersion: tessera/v1\ntenants:\n  - id: ${tenant}\n    projects:\n${clients}`;

it('exchanges a token of oidcToken also while a client of the same name in another project is disabled', async () => {
  const service = await startExchangeService();
  try {
    const { tessera } = service;
    const exchanged = await service.exchange();
    const token = exchanged.body['access_token'] as string;
    // An issuer names clients by ids that are unique in the tenant, so it is not for this one any more.
    await tessera.apply(
      change(
        'acme',
        `      - id: shop
        clients: [{ id: other, audience: shop-api, exchange: [{ to: stock-api, scopes: subset }] }]
      - id: back
        clients: [{ id: web, status: disabled, surfaces: [user], scopes: unbounded, subjects: any }]
    issuers: [{ id: corp, clients: [] }]
`,
      ),
    );
    const other = new TokenEndpointUser(tessera);
    tokenOf(await other.exchange('shop/other', token, { audience: 'stock-api' }));
    // Its own client.
    await tessera.apply(change('acme', '      - { id: shop, clients: [{ id: web, status: disabled }] }\n'));
    const refused = await other.exchange('shop/other', token, { audience: 'stock-api' });
    expect(refused.body['error']).toBe('invalid_grant');
    expect(tessera.auditReason(refused.requestId)).toBe('subject token: a client of its chain is disabled');
  } finally {
    await service.close();
  }
});

it('revokes what may have been exchanged at a server that read the first exchange of the tenant earlier', async () => {
  // So slowly that this server has not read it.
  const tessera = await startTessera({ env: { TESSERA_CHANGE_POLL_MS: '1500' } });
  try {
    const acme = new TokenEndpointUser(tessera);
    const token = await acme.userToken('ada@acme.example');
    const file = `${tessera.config.dataDirectory}/change.yaml`;
    writeFileSync(
      file,
      change('acme', '      - { id: shop, clients: [{ id: web, exchange: [{ to: stock-api, scopes: subset }] }] }\n'),
    );
    await tessera.cli(['apply', '-f', file]);
    expect((await tessera.postForm('/tenants/acme/revoke', { token }, acme.header('shop/web'))).status).toBe(200);
    const { entries } = (await tessera.get('/revocations')).body as { entries: { kind: string }[] };
    expect(entries.map(({ kind }) => kind)).toEqual(['token', 'chain']);
  } finally {
    await tessera.close();
  }
});

it('records which token was presented by a client that it is not for', async () => {
  const tessera = await startTessera({ tenantsFile: chainTenants() });
  try {
    const acme = new TokenEndpointUser(tessera);
    const token = await acme.userToken('ada@acme.example');
    const answer = await acme.exchange('shop/stock', token, { audience: 'ledger-api' });
    expect(oauthRefusal(answer)).toBe('400 invalid_grant');
    const { details, subject_id: subject, token_id: tokenId } = tessera.auditRow(answer.requestId);
    const { jti } = decodeJwt(token);
    expect([subject, tokenId]).toEqual(['u-ada', null]);
    expect(JSON.parse(details as string)).toEqual({
      grant: GRANTS.tokenExchange,
      audience: 'ledger-api',
      parent_token_id: jti,
      root_token_id: jti,
    });
  } finally {
    await tessera.close();
  }
});
