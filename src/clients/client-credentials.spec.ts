import { Secret } from '../config/secret.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { assertionForm } from '../testing/caller-fixture.ts';
import { providerKey, writeSubjectToken } from '../testing/provider-tokens.ts';
import { type PresentedSecret, readClientCredentials } from './client-credentials.ts';

const KEY = providerKey('k1');
const own = writeSubjectToken({ key: KEY, claims: { iss: 'shop/web', sub: 'shop/web' } });
const workload = writeSubjectToken({ key: KEY, claims: { iss: 'https://cluster.example', sub: 'system:x' } });
const basic = (text: string) => [`Basic ${Buffer.from(text).toString('base64')}`];

const SHOP_WEB = { projectId: 'shop', clientId: 'web' };

type Form = Readonly<Record<string, string>>;
const read = (form: Form, authorization?: readonly string[]) =>
  readClientCredentials(authorization, new Map(Object.entries(form)));
function refusal(form: Form, authorization?: readonly string[]): TesseraError {
  try {
    read(form, authorization);
  } catch (error) {
    if (error instanceof TesseraError) return error;
    throw error;
  }
  throw new Error('no refusal came');
}

it.each<[string, Form, string[] | undefined, string, object]>([
  ['a Basic header', {}, basic('shop%2Fweb:s'), 'client_secret_basic', { projectId: 'shop', clientId: 'web' }],
  ['its client again', { client_id: 'web' }, basic('web:s'), 'client_secret_basic', { clientId: 'web' }],
  ['its client by the shorter name', { client_id: 'web' }, basic('shop%2Fweb:s'), 'client_secret_basic', SHOP_WEB],
  ['its client by the longer name', { client_id: 'shop/web' }, basic('web:s'), 'client_secret_basic', SHOP_WEB],
  ['a form', { client_id: 'web', client_secret: 's' }, undefined, 'client_secret_post', { clientId: 'web' }],
  ['an assertion', assertionForm(own), undefined, 'client_assertion', { projectId: 'shop', clientId: 'web' }],
  ['an assertion and a client', assertionForm(own, 'web'), undefined, 'client_assertion', { clientId: 'web' }],
  ['a workload', assertionForm(workload, 'shop/job'), undefined, 'client_assertion', { clientId: 'job' }],
])('reads %s', (_name, form, authorization, method, claimed) => {
  const presented = read(form, authorization);
  expect(presented).toMatchObject({ method, claimed });
  if (presented.method !== 'client_assertion') expect(presented.credential.equals(new Secret('s'))).toBe(true);
  else expect(JSON.stringify(presented)).not.toContain(own);
});

it.each<[string, Form, string[] | undefined, string]>([
  ['header and secret', { client_id: 'web', client_secret: 's' }, basic('web:s'), 'header and in the form'],
  ['header and assertion', assertionForm(own), basic('web:s'), 'header and in the form'],
  ['a bearer and an assertion', assertionForm(own), ['Bearer x'], 'header and in the form'],
  ['secret and assertion', { ...assertionForm(own), client_secret: 's' }, undefined, 'by client_secret and by'],
  ['another client in the form', { client_id: 'reader' }, basic('web:s'), 'client_id names another client'],
  ['a namesake in the form', { client_id: 'back/web' }, basic('shop%2Fweb:s'), 'client_id names another client'],
  ['no client in the form', { client_id: '../web' }, basic('web:s'), 'client_id names another client'],
  ['no assertion type', { client_assertion: own }, undefined, 'client_assertion_type must be urn:'],
  [
    'a SAML assertion',
    { client_assertion: own, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' },
    undefined,
    'client_assertion_type must be urn:',
  ],
  [
    'a type alone',
    { client_assertion_type: assertionForm(own)['client_assertion_type']! },
    undefined,
    'client_assertion is missing.',
  ],
])('rejects %s as an invalid request', (_name, form, authorization, detail) => {
  const error = refusal(form, authorization);
  expect([error.code, error.detail]).toEqual(['invalid_request', expect.stringContaining(detail)]);
});

it.each<[string, Form, string[] | undefined, string]>([
  ['nothing', {}, undefined, 'client: there are no credentials'],
  ['a client alone', { client_id: 'web' }, undefined, 'client: there are no credentials'],
  ['a secret alone', { client_secret: 's' }, undefined, 'client: there are no credentials'],
  ['a bearer', { client_id: 'web' }, ['Bearer x'], 'client: not one Basic header'],
  ['two headers', {}, [...basic('web:s'), ...basic('web:s')], 'client: not one Basic header'],
  ['no credentials in the header', {}, ['Basic '], 'client: not one Basic header'],
  // Each decodes to `web:s`.
  ['base64 without padding', {}, ['Basic d2ViOnM'], 'client: not one Basic header'],
  ['base64 with too much padding', {}, ['Basic d2ViOnM=='], 'client: not one Basic header'],
  ['base64 with bits of no byte', {}, ['Basic d2ViOnN='], 'client: not one Basic header'],
  ['base64url', {}, ['Basic d2ViOj8_Pw=='], 'client: not one Basic header'],
  ['a header that is not UTF-8', {}, ['Basic d2ViOv8='], 'client: not one Basic header'],
  ['an invalid client', { client_id: '../web', client_secret: 's' }, undefined, 'client: not the id of a client'],
  ['an invalid client beside an assertion', assertionForm(own, 'a/b/c'), undefined, 'client: not the id of a client'],
  [
    'a workload without a client',
    assertionForm(workload),
    undefined,
    'client: an assertion of another issuer without a client_id',
  ],
  [
    'a malformed assertion',
    assertionForm('a.b.c', 'web'),
    undefined,
    'the client assertion is refused: it is malformed',
  ],
])('rejects %s as no authentication', (_name, form, authorization, reason) => {
  const error = refusal(form, authorization);
  expect([error.code, error.reason]).toEqual(['invalid_client', reason]);
});

// A raw byte and its percent-encoding are the same text: clients differ in what they encode (RFC 6749, section 2.3.1).
it.each(['é', '%C3%A9', '\u0001', '%01', '€𝄞', '%E2%82%AC%F0%9D%84%9E'])('reads the secret %j of a header', (sent) => {
  const { credential } = read({}, basic(`web:${sent}`)) as PresentedSecret;
  expect(Secret.reveal(credential)).toBe(decodeURIComponent(sent));
});
