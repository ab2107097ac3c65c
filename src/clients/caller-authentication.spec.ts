import { type CallerFixture, clientDraft, openCallerFixture } from '../testing/caller-fixture.ts';
import { refusalOf } from '../testing/refusal.ts';

let fixture: CallerFixture;
let secret: string;
beforeAll(async () => {
  fixture = await openCallerFixture();
  const confidential = { policy: { kind: 'confidential' } } as const;
  await fixture.save([
    clientDraft('web', confidential),
    clientDraft('gone', { ...confidential, status: 'disabled' }),
    clientDraft('robot'),
    clientDraft('kiosk', { policy: { kind: 'secretless', networks: ['192.0.2.0/24'] } }),
    clientDraft('twin', confidential),
    clientDraft('twin', confidential, 'billing'),
  ]);
  secret = await fixture.secretOf('web');
});
beforeEach(() => {
  fixture.reset();
});
afterAll(() => fixture.close());

const post = (client: string, credential: string) => ({ form: { client_id: client, client_secret: credential } });
const basic = (client: string, credential: string) => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(client)}:${credential}`).toString('base64')}`,
});

it.each([
  ['in the header', () => basic('shop/web', secret)],
  ['in the form', () => post('web', secret)],
])('a secret %s authenticates its client', async (_name, request) => {
  const { client, secretId, notAfter } = await fixture.authenticate(request());
  expect([client.projectId, client.id, notAfter]).toEqual(['shop', 'web', undefined]);
  expect(secretId).not.toContain(secret);
});

it('counts a secret as a guess at the client, under the key of generateToken', async () => {
  await fixture.authenticate(post('web', secret));
  expect(fixture.events).toEqual(['found shop/web', 'counts as acme/shop/web, a guess', 'authenticated']);
});

it.each([
  ['a wrong secret', () => post('shop/web', 'wrong'), 'the secret does not match', 'found shop/web'],
  [
    'an unknown client',
    () => post('shop/nobody', 'x'),
    'unknown project or client',
    'counts as acme/shop/nobody unknown',
  ],
  [
    'an unknown project',
    () => post('nowhere/web', 'x'),
    'unknown project or client',
    'counts as acme/nowhere/web unknown',
  ],
  [
    'a name in two projects',
    () => post('twin', 'x'),
    'several projects have a client of that id: name the project',
    'counts as acme/?/twin unknown',
  ],
  [
    'a disabled client',
    async () => post('gone', await fixture.secretOf('gone')),
    'the client is disabled',
    'authenticated',
  ],
  [
    'a secretless client',
    () => post('kiosk', 'x'),
    'the client is secretless: this endpoint requires credentials',
    'found shop/kiosk',
  ],
  [
    'a secret that Vault holds for a client without one',
    async () => post('robot', await fixture.secretOf('robot')),
    'the client has no secret: it authenticates by assertions',
    'found shop/robot',
  ],
])('%s is the same refusal, with a reason of its own', async (_name, request, reason, event) => {
  const error = await refusalOf(fixture.authenticate(await request()));
  expect([error.code, error.reason]).toEqual(['invalid_client', reason]);
  expect(error.detail).toBe('The client could not be authenticated.');
  expect(fixture.events).toContain(event);
});

it('does the same work for a client without a secret as for a wrong one: both ask Vault', async () => {
  const before = fixture.vault.reads;
  await refusalOf(fixture.authenticate(post('robot', 'x')));
  await refusalOf(fixture.authenticate(post('web', 'x')));
  expect(fixture.vault.reads).toBe(before + 2);
});

it('keeps an outage an outage', async () => {
  fixture.vault.plugged = false;
  const error = await refusalOf(fixture.authenticate(post('web', secret)));
  fixture.vault.plugged = true;
  expect(error.code).toBe('temporarily_unavailable');
});
