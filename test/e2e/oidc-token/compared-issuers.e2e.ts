import { decodeJwt } from 'jose';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';
import {
  type ExchangeService,
  startExchangeService,
  tenantsWithTrusts,
  trustOf,
} from '../../support/tessera/exchange-service.ts';
import { TestInstallation } from '../cli/installation.ts';

/** Issuers whose keys are at a given URL: their name is compared, and never fetched. */
let service: ExchangeService;
beforeAll(async () => {
  service = await startExchangeService();
});
afterAll(() => service.close());

const trusting = (issuer: string) =>
  tenantsWithTrusts(trustOf('corp', issuer, { jwks_uri: service.provider.jwksUri, surfaces: '[user]' }));
const ISSUERS = [
  'https://ADFS.lab.example/adfs',
  'http://adfs.lab.example/adfs/services/trust',
  'http://169.254.169.254/latest',
  'accounts.google.com',
  'kubernetes/serviceaccount',
  'Acme IdP',
  'joe',
];

describe.each(ISSUERS)('the issuer %s', (issuer) => {
  const exchange = (iss: string) => service.exchange({ oidcToken: service.subjectToken({ iss }) });

  it('is compared to the letter, and never fetched', async () => {
    await service.tessera.apply(trusting(issuer));
    service.provider.requests.length = 0;
    const answer = await exchange(issuer);
    expect(answer.status).toBe(200);
    expect(decodeJwt(answer.body['access_token'] as string)).toMatchObject({ sub: 'u-grace', idp: issuer });
    expect(service.provider.requests).toEqual(['/keys']);
    const others = [
      `${issuer}/`,
      `${issuer} `,
      ` ${issuer}`,
      issuer.toUpperCase(),
      `${issuer}:443`,
      issuer.slice(0, -1),
    ];
    for (const other of others.filter((text) => text !== issuer))
      await service.expectRefused(
        { oidcToken: service.subjectToken({ iss: other }) },
        'the subject token is refused: this tenant does not trust its issuer',
      );
  });

  it('is exported as it is, and its keys are examined without it', async () => {
    const { provider } = service;
    const installation = await TestInstallation.make({ TESSERA_FEDERATION_ALLOWED_HOSTS: provider.hostPort });
    await installation.applied(trusting(issuer));
    const exported = (await installation.run(['export'])).stdout;
    expect((await installation.apply(exported, '--prune', '--dry-run')).stdout).not.toMatch(/issuer acme/);
    provider.requests.length = 0;
    const checked = await installation.run(['issuers', 'check', 'acme', 'corp']);
    expect(checked).toMatchObject({ code: 0, stdout: expect.stringContaining(`corp: ${issuer}\n`) });
    expect((await installation.run(['doctor'])).stdout).not.toContain('trusted-issuers');
    expect(new Set(provider.requests)).toEqual(new Set(['/keys']));
    const refused = await installation.apply(
      'apiVersion: tessera/v1\ntenants: [{ id: acme, issuers: [{ id: corp, jwks_uri: null }] }]\n',
    );
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('jwks_uri must stay, or write issuer too, because discovery asks the issuer'),
    });
    await installation.remove();
  });
});

describe('an issuer of this service itself', () => {
  it('is refused with jwks_uri too', async () => {
    for (const tenant of ['acme', 'globex', 'gone'])
      await expect(service.tessera.apply(trusting(`${service.tessera.url}/tenants/${tenant}`))).rejects.toThrow(
        /is an issuer of this service itself/,
      );
  });
});

describe('an identity of an issuer that is no longer trusted', () => {
  const linked = (trusts: string) =>
    replaceOnce(tenantsWithTrusts(trusts), 'id: u-grace,', 'id: u-grace, identities: [{ issuer: old, sub: "7" }],');
  const LINKED = { subject: '{ match: linked }', surfaces: '[user]', jwks_uri: 'https://idp.example.com/keys' };

  it('does not move to the issuer whose id is its name', async () => {
    const installation = await TestInstallation.make();
    await installation.applied(linked(trustOf('old', 'corp', LINKED)));
    const without = tenantsWithTrusts(trustOf('corp', 'https://idp.example.com', LINKED));
    await installation.applied(without, '--prune');
    const exported = (await installation.run(['export'])).stdout;
    expect(exported).toMatch(/issuer: <corp>, sub: '7'/);
    // Again where it was, and refused where nobody has it.
    expect(await installation.apply(exported, '--prune', '--dry-run')).toMatchObject({ code: 0 });
    const elsewhere = await TestInstallation.make();
    expect(await elsewhere.apply(exported)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there is no issuer "<corp>"'),
    });
    await installation.remove();
    await elsewhere.remove();
  });
});
