import type { LookupAddress } from 'node:dns';
import {
  HOSTILE_ANSWERS,
  type HostileProvider,
  sendJson,
  startHostileProvider,
} from '../../testing/hostile-provider.ts';
import { certificateAuthority, type Certified, selfSignedCertificate } from '../../testing/self-signed-certificate.ts';
import { SystemClock } from '../../domain/clock.ts';
import { Deadline } from '../../runtime/deadline.ts';
import { Egress, MAX_ANSWER_BYTES, type ProviderAnswer } from './egress.ts';
import { OutboundNetwork } from './outbound-network.ts';

let provider: HostileProvider;
beforeEach(async () => {
  provider = await startHostileProvider();
});
afterEach(() => provider.close());

/** For what never answers. */
const SHORT_MS = 1_000;
/** For what answers: longer than a test may take. */
const LONG_MS = 600_000;
const LATE = 'no answer in time';
const addresses =
  (...list: string[]): OutboundNetwork['resolve'] =>
  () =>
    Promise.resolve(list.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 })));

interface Network {
  readonly resolve?: OutboundNetwork['resolve'];
  readonly certificateAuthorities?: string | undefined;
}

class GivenNetwork extends OutboundNetwork {
  override readonly certificateAuthorities: string | undefined;
  readonly #resolve: OutboundNetwork['resolve'];

  constructor({ resolve = addresses('127.0.0.1'), certificateAuthorities }: Network) {
    super();
    this.certificateAuthorities = certificateAuthorities;
    this.#resolve = resolve;
  }

  override resolve(hostname: string): Promise<readonly LookupAddress[]> {
    return this.#resolve(hostname);
  }
}

function egressTo(
  federationAllowedHosts: readonly string[],
  network: OutboundNetwork,
  federationPrivateHosts: readonly string[] = [],
): Egress {
  return new Egress({ federationAllowedHosts, federationPrivateHosts, federationProxy: undefined }, network);
}

function fetchJson(
  url: string,
  {
    allowedHosts = [provider.hostPort],
    privateHosts = [],
    deadlineMs = LONG_MS,
    ...network
  }: Network & { allowedHosts?: readonly string[]; privateHosts?: readonly string[]; deadlineMs?: number } = {},
): Promise<ProviderAnswer> {
  const egress = egressTo(allowedHosts, new GivenNetwork(network), privateHosts);
  return egress.fetchJson(url, new Deadline(new SystemClock(), deadlineMs));
}
const BLOCKED = 'the host has an address that may not be reached';
const reasonOf = (answer: ProviderAnswer) => (answer.kind === 'failed' ? answer.reason : 'an answer');
const failed = (reason: string): ProviderAnswer => ({ kind: 'failed', reason });

describe('an answer', () => {
  it.each(['application/json', 'application/json; charset=utf-8', 'application/jwk-set+json', 'Application/JSON'])(
    'is taken as %s',
    async (mediaType) => {
      provider.onKeys = (_request, response) => response.writeHead(200, { 'content-type': mediaType }).end('{"a":1}');
      await expect(fetchJson(provider.jwksUri)).resolves.toEqual({ kind: 'json', value: { a: 1 } });
    },
  );

  it('may have exactly 256 KiB, and not one byte more', async () => {
    let bytes = MAX_ANSWER_BYTES;
    provider.onKeys = (_request, response) => {
      sendJson(response, 'x'.repeat(bytes - 2));
    };
    expect((await fetchJson(provider.jwksUri)).kind).toBe('json');
    bytes += 1;
    await expect(fetchJson(provider.jwksUri)).resolves.toEqual(failed('an answer over 256 KiB'));
  });

  it.each(Object.entries(HOSTILE_ANSWERS))('is refused if it is %s', async (_, { handler, reason }) => {
    provider.onKeys = handler;
    const deadlineMs = reason === LATE ? SHORT_MS : LONG_MS;
    await expect(fetchJson(provider.jwksUri, { deadlineMs })).resolves.toEqual(failed(reason));
    // No redirect was followed and nothing was retried.
    expect(provider.requests).toEqual(['/keys']);
    expect(provider.connections()).toBe(1);
  });
});

describe('a host', () => {
  it('is reached by its name if name and port are listed', async () => {
    const url = `http://idp.test:${provider.port}/keys`;
    const allowedHosts = [`idp.test:${provider.port}`];
    expect((await fetchJson(url, { allowedHosts })).kind).toBe('json');
  });

  it.each([
    ['another port is listed', (port: number) => `127.0.0.1:${port === 1 ? 2 : 1}`],
    ['its name is listed and not its address', (port: number) => `localhost:${port}`],
    ['nothing is listed', () => undefined],
  ])('is not reached by its address if %s', async (_, listed) => {
    const host = listed(provider.port);
    const answer = await fetchJson(provider.jwksUri, { allowedHosts: host === undefined ? [] : [host] });
    expect(answer).toEqual(failed('its URL may not be fetched'));
    expect(provider.connections()).toBe(0);
  });

  it.each([
    ['127.0.0.1'],
    ['10.0.0.1'],
    ['169.254.169.254'],
    ['100.64.0.1'],
    ['::1'],
    ['fd00:ec2::254'],
    ['fe80::1'],
    ['::ffff:127.0.0.1'],
    ['64:ff9b::7f00:1'],
    ['2002:7f00:1::'],
    ['0.0.0.0'],
    ['224.0.0.1'],
    // Which of them is used would be random.
    ['8.8.8.8', '127.0.0.1'],
    ['127.0.0.1', '8.8.8.8'],
    [],
  ])('is not reached if its name resolves to %s %s', async (...list: string[]) => {
    const url = `https://idp.example.com:${provider.port}/keys`;
    const answer = await fetchJson(url, { resolve: addresses(...list) });
    expect(answer).toEqual(
      failed(`${BLOCKED}: list a provider in your own network in TESSERA_FEDERATION_PRIVATE_HOSTS`),
    );
    expect(provider.connections()).toBe(0);
  });

  it.each([
    ['loopback', '127.0.0.1'],
    ['IPv6 loopback', '::1'],
    ['link-local', '169.254.1.1'],
    ['IPv6 link-local', 'fe80::1'],
    ['the metadata address', '169.254.169.254'],
    ['the metadata address of AWS', 'fd00:ec2::254'],
    ['the metadata address of Google Cloud', 'fd20:ce::254'],
    ['the metadata address of Alibaba Cloud', '100.100.100.200'],
    ["Azure's host", '168.63.129.16'],
    ['this network', '0.0.0.0'],
    ['multicast', '224.0.0.1'],
    ['IPv4 in IPv6', '::ffff:10.0.0.1'],
    ['private and loopback', '10.0.0.1', '127.0.0.1'],
  ])('that is listed as private is not reached at %s', async (_, ...list) => {
    const answer = await fetchJson(`https://idp:${provider.port}/keys`, {
      resolve: addresses(...list),
      privateHosts: ['idp'],
    });
    expect(answer).toEqual(
      failed(`${BLOCKED}: it is listed as private, but its address is neither private nor public`),
    );
    expect(provider.connections()).toBe(0);
  });

  it('that is listed as private is not reached by plain http', async () => {
    const answer = await fetchJson(`http://idp:${provider.port}/keys`, { privateHosts: ['idp'] });
    expect(answer).toEqual(failed('its URL may not be fetched'));
  });

  it.each(['10.255.255.254', '172.31.255.254', '192.168.255.254', 'fdff:ffff::1'])(
    'that is listed as private is tried at %s, and an unlisted one is not',
    async (address) => {
      // Nobody has these addresses here, so that the attempt fails: what matters is that it was made.
      const attempt = (name: string) =>
        fetchJson(`https://${name}:${provider.port}/keys`, {
          resolve: addresses(address),
          privateHosts: ['idp.corp.example'],
          deadlineMs: SHORT_MS,
        });
      expect(['no network leads to it', 'it refuses the connection', LATE, 'no usable answer']).toContain(
        reasonOf(await attempt('idp.corp.example')),
      );
      for (const other of ['idp2.corp.example', 'a.idp.corp.example', 'idp.corp.example.'])
        expect(reasonOf(await attempt(other))).toContain(BLOCKED);
    },
  );

  it('has its addresses checked at every fetch, not only at the first', async () => {
    const asked: string[] = [];
    const resolve: OutboundNetwork['resolve'] = (hostname) => {
      asked.push(hostname);
      return addresses('127.0.0.1')(hostname);
    };
    const egress = egressTo([`idp.test:${provider.port}`], new GivenNetwork({ resolve }));
    const url = `http://idp.test:${provider.port}/keys`;
    await egress.fetchJson(url, new Deadline(new SystemClock(), LONG_MS));
    await egress.fetchJson(url, new Deadline(new SystemClock(), LONG_MS));
    expect(asked).toEqual(['idp.test', 'idp.test']);
    expect(provider.connections()).toBe(2);
  });

  it('whose name does not resolve is named as that', async () => {
    const url = 'https://idp.example.com/keys';
    const resolve = () => Promise.reject(new Error('ENOTFOUND idp.example.com'));
    await expect(fetchJson(url, { resolve })).resolves.toEqual(failed('its name does not resolve'));
  });

  it('whose name never resolves costs no more than the deadline', async () => {
    const resolve = () => new Promise<never>(() => undefined);
    const answer = await fetchJson('https://idp.example.com/keys', { resolve, deadlineMs: SHORT_MS });
    expect(answer).toEqual(failed(LATE));
  });

  it('that is down refuses the connection', async () => {
    await provider.stop();
    await expect(fetchJson(provider.jwksUri)).resolves.toEqual(failed('it refuses the connection'));
  });
});

describe('TLS', () => {
  const HOUR = 3_600_000;
  const authority = certificateAuthority('Lab');
  const [tlsProvider, expired, early, selfSigned] = [
    authority.issue('idp.test'),
    authority.issue('idp.test', { from: Date.now() - 2 * HOUR, to: Date.now() - HOUR }),
    authority.issue('idp.test', { from: Date.now() + HOUR, to: Date.now() + 2 * HOUR }),
    selfSignedCertificate('idp.test'),
  ];
  const UNKNOWN =
    'its certificate is of an unknown authority: name the file of the authority in NODE_EXTRA_CA_CERTS and start again';

  async function fetchFrom(
    tls: Certified | undefined,
    hostname: string,
    certificateAuthorities: string | undefined,
  ): Promise<[reason: string, requests: number]> {
    const server = await startHostileProvider(tls === undefined ? {} : { tls });
    const answer = await fetchJson(`https://${hostname}:${server.port}/keys`, {
      allowedHosts: [`${hostname}:${server.port}`],
      certificateAuthorities,
    });
    await server.close();
    return [reasonOf(answer), server.requests.length];
  }

  it.each([
    ['of a private authority', tlsProvider, authority.cert],
    ['that is its own authority', selfSigned, selfSigned.cert],
  ])('works with a trusted certificate %s', async (_, tls, trusted) => {
    await expect(fetchFrom(tls, 'idp.test', trusted)).resolves.toEqual(['an answer', 1]);
  });

  it.each([
    ['of an unknown authority', tlsProvider, 'idp.test', undefined, UNKNOWN],
    ['that is its own authority and unknown', selfSigned, 'idp.test', undefined, UNKNOWN],
    ['of another authority', tlsProvider, 'idp.test', certificateAuthority('Office').cert, UNKNOWN],
    ['of another authority of that name', tlsProvider, 'idp.test', certificateAuthority('Lab').cert, UNKNOWN],
    ['for another name', tlsProvider, 'other.test', authority.cert, 'its certificate is for another name'],
    ['that has expired', expired, 'idp.test', authority.cert, 'its certificate has expired'],
    ['that is not valid yet', early, 'idp.test', authority.cert, 'its certificate is not valid yet'],
    ['and without one, in plain text', undefined, 'idp.test', authority.cert, 'it makes no TLS connection'],
  ])('fails with a certificate %s, even for a listed host', async (_, tls, hostname, trusted, reason) => {
    await expect(fetchFrom(tls, hostname, trusted)).resolves.toEqual([reason, 0]);
  });
});
