import { ACME, GLOBEX, tenantsFile } from './files.ts';
import { TestInstallation } from './installation.ts';

let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make();
});
afterEach(() => installation.remove());

const acme = (members: string): string => tenantsFile(`  - id: acme\n    ${members}\n`);

/** Applies what must be refused, and returns the reason. */
async function refusal(file: string, ...args: string[]): Promise<string> {
  const before = await installation.fingerprint();
  for (const more of [['--dry-run'], []])
    expect(await installation.apply(file, ...args, ...more)).toMatchObject({ code: 1, stdout: '' });
  expect(await installation.fingerprint()).toEqual(before);
  return (await installation.apply(file, ...args)).stderr;
}

describe('the URL of a trusted issuer that changes', () => {
  const UNLINKED = ACME.replace(/, identities: \[.*?\]/, '');

  it('does not keep the keys of the old provider', async () => {
    const keys = 'jwks_uri: https://idp.example.com/keys';
    await installation.applied(
      tenantsFile(UNLINKED.replace('audiences: [tessera-acme]', `${keys}\n        audiences: [tessera-acme]`)),
    );
    const moved = (more: string) => acme(`issuers: [{ id: corp, issuer: 'https://new.example'${more} }]`);
    expect(await refusal(moved(''))).toContain(
      'issuers[0] "corp": issuer: its keys would still come from the present jwks_uri: write jwks_uri too, or null for discovery',
    );
    await installation.applied(moved(', jwks_uri: https://new.example/keys'));
    await installation.applied(acme("issuers: [{ id: corp, issuer: 'https://idp.example.com', jwks_uri: null }]"));
    await installation.applied(moved(''));
  });

  it('is not added again for identities that it left behind, which may have meant another claim', async () => {
    const issuer = (claim: string) =>
      `issuers: [{ id: hr, issuer: 'https://hr.example', audiences: [tessera-acme], conditions: none, subject: { match: linked${claim} }, clients: [web], surfaces: [user] }]`;
    const linked = 'users: [{ id: u-ada, identities: [{ issuer: hr, sub: "4711" }] }]';
    await installation.applied(tenantsFile(UNLINKED));
    await installation.applied(acme(`${issuer(', claim: /employee')}\n    ${linked}`));
    await installation.applied(acme('issuers: [{ id: corp }]'), '--prune');
    expect(await refusal(acme(issuer('')))).toContain(
      'identities must not stay when issuer "hr" links by "sub" from now on',
    );
    await installation.applied(acme(`${issuer('')}\n    ${linked}`));
  });

  it('does not leave linked identities behind', async () => {
    await installation.applied(
      tenantsFile(
        ACME.replace('email: root@acme.example', 'email: root@acme.example, identities: [{ issuer: corp, sub: "7" }]'),
      ),
    );
    const moved = (more: string) => acme(`issuers: [{ id: corp, issuer: 'https://new.example' }]${more}`);
    const users = '\n    users: [{ id: u-ada, identities: [{ issuer: corp, sub: "8" }] }]';
    const reason = await refusal(moved(''));
    for (const [list, id] of [
      ['users', 'u-ada'],
      ['admins', 'a-root'],
    ])
      expect(reason).toContain(
        `tenants "acme", ${list} "${id}": identities must not stay with the present URL of issuer "corp": write identities too`,
      );
    expect(await refusal(moved(users))).not.toContain('u-ada');
    await installation.applied(moved(`${users}\n    admins: [{ id: a-root, identities: null }]`));
  });
});

describe('a trusted issuer', () => {
  const CLIENTS = '[{ id: web, surfaces: [user], scopes: unbounded, subjects: any }]';
  const MOVED = `projects: [{ id: shop, clients: [] }, { id: lab, clients: ${CLIENTS} }]`;

  it.each(['', '\n    issuers: [{ id: corp }]'])(
    'does not follow the id of its client to another project unless its clients are written%s',
    async (named) => {
      await installation.applied(tenantsFile(ACME));
      expect(await refusal(acme(`${MOVED}${named}`), '--prune')).toContain(
        'issuers "corp": clients: "web" would become another client, "lab/web" instead of "shop/web": write its clients too'.slice(
          named === '' ? 0 : 'issuers '.length,
        ),
      );
      await installation.applied(acme(`${MOVED}\n    issuers: [{ id: corp, clients: [web] }]`), '--prune');
    },
  );
});

describe('members of a trusted issuer that have a meaning only together', () => {
  const corp = (members: string): string => acme(`issuers: [{ id: corp, ${members} }]`);
  const BY_CLIENT = 'audience_claim: client_id, conditions: { token_use: access }';
  const NO_CONDITION =
    'issuers[0] "corp": conditions must name a claim besides client_id, iss and aud, because of "audience_claim: client_id"';
  const NO_ADDRESS = 'issuers[0] "corp": email_verified must be left out without "match: email"';
  const BY_EMAIL = 'subject: { match: email, domains: [acme.example] }';

  it('are checked when one of them is written and the other is there', async () => {
    await installation.applied(tenantsFile(ACME));
    // The example has no conditions and is linked.
    expect(await refusal(corp('audience_claim: client_id'))).toContain(
      'conditions must name a claim besides client_id, iss and aud',
    );
    await installation.applied(corp(BY_CLIENT));
    for (const conditions of ['none', '{ client_id: a }', '{ /client_id: a, iss: b, aud: c }'])
      expect(await refusal(corp(`conditions: ${conditions}`))).toContain(NO_CONDITION);
    expect(await refusal(corp('email_verified: text_allowed'))).toContain(NO_ADDRESS);
    await installation.applied(corp(`email_verified: text_allowed, ${BY_EMAIL}`));
    expect(await refusal(corp('subject: { match: linked }'))).toContain('must be left out without "match: email"');
    await installation.applied(corp('subject: { match: linked }, email_verified: null'));
    await installation.applied(corp('conditions: none, audience_claim: null'));
  });

  it('are named in a plan, from what to what', async () => {
    await installation.applied(tenantsFile(ACME));
    const { stdout } = await installation.apply(corp(`${BY_CLIENT}, azp: [android]`), '--dry-run');
    expect(stdout).toContain('audience_claim: aud → client_id');
    expect(stdout).toContain('azp: any party → [android]');
  });
});

describe('a status', () => {
  it.each([
    ['status:', 'tenants[0] "acme"'],
    ['projects: [{ id: shop, status: }]', 'projects[0] "shop"'],
    ['projects: [{ id: shop, clients: [{ id: web, status: }] }]', 'clients[0] "web"'],
    ['users: [{ id: u-ada, status: }]', 'users[0] "u-ada"'],
    ['admins: [{ id: a-root, status: }]', 'admins[0] "a-root"'],
  ])('without a value would activate, and is refused: %s', async (members, thing) => {
    await installation.applied(tenantsFile(ACME));
    expect(await refusal(acme(members))).toContain(`${thing}: status must have a value, or null`);
  });
});

describe('a database of two tenants', () => {
  it('is refused although it is not reached', async () => {
    await installation.applied(tenantsFile(GLOBEX));
    const database = 'database: { driver: mysql, host: 127.0.0.1, port: 1, name: same }';
    const reason = await refusal(tenantsFile(`  - { id: acme, ${database} }\n  - { id: globex, ${database} }\n`));
    expect(reason).toContain('it belongs to another tenant ("acme"): each tenant needs its own');
  });
});
