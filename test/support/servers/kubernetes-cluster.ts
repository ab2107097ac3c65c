import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ProviderSigningKey, providerKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';

/** Issues tokens of service accounts, and serves its keys, in the documented forms of Kubernetes (Service Account Issuer Discovery). */
export interface KubernetesCluster {
  readonly issuer: string;
  /** For the list of allowed hosts. */
  readonly hostPort: string;
  /** The namespace and service account of the next tokens. */
  token(
    account: { readonly namespace: string; readonly name: string; readonly uid?: string },
    changes?: object,
  ): string;
  /** Signs with a new key from now on, and publishes it beside the old one. */
  rotateKeys(): void;
  close(): Promise<void>;
}

const KEYS_PATH = '/openid/v1/jwks';

/** @param audience that the pods ask for: `audience` of a projected volume */
export async function startKubernetesCluster(audience: string): Promise<KubernetesCluster> {
  const keys: ProviderSigningKey[] = [keyOf(1)];
  const server = createServer((request, response) => {
    if (request.url === '/.well-known/openid-configuration')
      send(response, 'application/json', {
        issuer,
        jwks_uri: `${issuer}${KEYS_PATH}`,
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
      });
    else if (request.url === KEYS_PATH)
      send(response, 'application/jwk-set+json', { keys: keys.map(({ jwk }) => jwk) });
    else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}`;
  return {
    issuer,
    hostPort: `127.0.0.1:${port}`,
    token: ({ namespace, name, uid = `uid-of-${namespace}-${name}` }, changes = {}) => {
      const now = Math.floor(Date.now() / 1000);
      const claims = {
        aud: [audience],
        exp: now + 3_600,
        iat: now,
        iss: issuer,
        jti: 'ea28ed49-2e11-4280-9ec5-bc3d1d84661a',
        'kubernetes.io': {
          namespace,
          node: { name: '127.0.0.1', uid: '58456cb0-dd00-45ed-b797-5578fdceaced' },
          pod: { name: `${name}-69cbfb9798-jv9gn`, uid: '778a530c-b3f4-47c0-9cd5-ab018fb64f33' },
          serviceaccount: { name, uid },
        },
        nbf: now,
        sub: `system:serviceaccount:${namespace}:${name}`,
      };
      return writeSubjectToken({ key: keys.at(-1)!, claims: { ...claims, ...changes }, header: { typ: undefined } });
    },
    rotateKeys: () => {
      keys.push(keyOf(keys.length + 1));
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A cluster's kid is a digest of its key. */
function keyOf(number: number): ProviderSigningKey {
  return providerKey(`WKdyD65q5NoPgGnkN-k2z5s1dhQM6RZhc-vR2rN6Nd${number}`, 'RS256');
}

function send(response: ServerResponse, mediaType: string, value: object): void {
  response.writeHead(200, { 'content-type': mediaType }).end(JSON.stringify(value));
}
