import { decodeJwt, decodeProtectedHeader } from 'jose';
import { parse } from 'yaml';
import { readPage } from '../../support/fixtures/markdown.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';
import { askForToken } from '../../support/requests/generate-token.ts';

/** The values in the examples for other verifiers, compared with a server set up as they say: acme.yaml at http://localhost:3000. */
const PUBLIC_URL = 'http://localhost:3000';
let tessera: TestTesseraServer;
let metadata: Readonly<Record<string, string>>;
let token: string;
beforeAll(async () => {
  tessera = await startTessera({ tenantsFile: readPage('examples/acme.yaml'), env: { PUBLIC_URL } });
  // The server listens on another port than its public URL says.
  const at = `http://localhost:${tessera.config.port}`;
  metadata = (await (await fetch(`${at}/tenants/acme/.well-known/openid-configuration`)).json()) as typeof metadata;
  const answer = await askForToken(at, tessera.secret('acme/shop/web'));
  token = ((await answer.json()) as { access_token: string }).access_token;
});
afterAll(() => tessera.close());

interface Provider {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly remote_jwks: { readonly http_uri: { readonly uri: string; readonly cluster: string } };
  readonly payload_in_metadata: string;
}

/** The first object that has the member, at any depth. */
function find(value: unknown, member: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (member in value) return (value as Record<string, unknown>)[member];
  return Object.values(value)
    .map((inner) => find(inner, member))
    .find((found) => found !== undefined);
}

it('examples/envoy.yaml names the issuer, the key set, the audience and the surface of the token', () => {
  const config: unknown = parse(readPage('examples/envoy.yaml'));
  const { tessera } = find(config, 'providers') as { tessera: Provider };
  expect(tessera.issuer).toBe(metadata['issuer']);
  expect(tessera.remote_jwks.http_uri.uri).toBe(metadata['jwks_uri']);
  expect(tessera.audiences).toEqual([decodeJwt(token).aud]);
  const [principal] = find(config, 'principals') as [{ metadata: { path: object[]; value: object } }];
  expect(principal.metadata.path).toEqual([{ key: tessera.payload_in_metadata }, { key: 'surface' }]);
  expect(principal.metadata.value).toEqual({ string_match: { exact: decodeJwt(token)['surface'] } });
  const clusters = (find(config, 'clusters') as { name: string }[]).map(({ name }) => name);
  expect(clusters).toContain(tessera.remote_jwks.http_uri.cluster);
  const { hostname, port } = new URL(tessera.remote_jwks.http_uri.uri);
  expect(JSON.stringify(config)).toContain(`"address":"${hostname}","port_value":${port}`);
});

it('examples/verify-spring.md names them, the algorithm, the client and the place of introspection', () => {
  const page = readPage('examples/verify-spring.md');
  const yaml = /```yaml\n([\s\S]*?)```/.exec(page)![1]!;
  const { aud, client_id } = decodeJwt(token);
  expect(parse(yaml)).toEqual({
    tessera: { issuer: metadata['issuer'], 'jwk-set-uri': metadata['jwks_uri'], audience: aud },
  });
  expect(page).toContain(`SignatureAlgorithm.${decodeProtectedHeader(token).alg!}`);
  expect(page).toContain(`clientId("${String(client_id)}")`);
  expect(page).toContain(`\`${metadata['introspection_endpoint']!}\``);
  expect(String(decodeJwt(token)['scope']).split(' ')).toContain(/SCOPE_([a-z:]+)"/.exec(page)![1]);
});

it('examples/verify-python has the same defaults, and the algorithm of the tenant', () => {
  const script = readPage('examples/verify-python/verify.py');
  expect(script).toContain(`"ISSUER", "${metadata['issuer']!}"`);
  expect(script).toContain(`"AUDIENCE", "${String(decodeJwt(token).aud)}"`);
  expect(script).toContain(`["${decodeProtectedHeader(token).alg!}"]`);
  expect(metadata['jwks_uri']).toBe(`${metadata['issuer']!}/jwks.json`);
});
