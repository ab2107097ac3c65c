import type { LookupAddress } from 'node:dns';
import {
  HOSTILE_ANSWERS,
  type HostileProvider,
  sendJson,
  startHostileProvider,
} from '../../testing/hostile-provider.ts';
import { selfSignedCertificate } from '../../testing/self-signed-certificate.ts';
import { SystemClock } from '../../domain/clock.ts';
import { Deadline } from '../../runtime/deadline.ts';
import { Egress, MAX_ANSWER_BYTES, type ProviderAnswer } from './egress.ts';
import { OutboundNetwork } from './outbound-network.ts';

let provider: HostileProvider;
// The first request of a process takes longer than any deadline here allows.
beforeAll(async () => {
  const warm = await startHostileProvider();
  const egress = new Egress({ federationAllowedHosts: [warm.hostPort] }, new OutboundNetwork());
  await egress.fetchJson(warm.jwksUri, new Deadline(new SystemClock(), 10_000));
  await warm.close();
});
beforeEach(async () => {
  provider = await startHostileProvider();
});
afterEach(() => provider.close());

const DEADLINE_MS = 300;
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

function fetchJson(
  url: string,
  { allowedHosts = [provider.hostPort], ...network }: Network & { allowedHosts?: readonly string[] } = {},
): Promise<ProviderAnswer> {
  const egress = new Egress({ federationAllowedHosts: allowedHosts }, new GivenNetwork(network));
  return egress.fetchJson(url, new Deadline(new SystemClock(), DEADLINE_MS));
}
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
    const before = performance.now();
    await expect(fetchJson(provider.jwksUri)).resolves.toEqual(failed(reason));
    expect(performance.now() - before).toBeLessThan(DEADLINE_MS + 200);
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
    expect(answer).toEqual(failed('the host has an address that may not be reached'));
    expect(provider.connections()).toBe(0);
  });

  it('has its addresses checked at every fetch, not only at the first', async () => {
    const asked: string[] = [];
    const resolve: OutboundNetwork['resolve'] = (hostname) => {
      asked.push(hostname);
      return addresses('127.0.0.1')(hostname);
    };
    const egress = new Egress({ federationAllowedHosts: [`idp.test:${provider.port}`] }, new GivenNetwork({ resolve }));
    const url = `http://idp.test:${provider.port}/keys`;
    await egress.fetchJson(url, new Deadline(new SystemClock(), 1_000));
    await egress.fetchJson(url, new Deadline(new SystemClock(), 1_000));
    expect(asked).toEqual(['idp.test', 'idp.test']);
    expect(provider.connections()).toBe(2);
  });

  it('whose name does not resolve is no answer', async () => {
    const url = 'https://idp.example.com/keys';
    const resolve = () => Promise.reject(new Error('ENOTFOUND idp.example.com'));
    await expect(fetchJson(url, { resolve })).resolves.toEqual(failed('no usable answer'));
  });

  it('whose name never resolves costs no more than the deadline', async () => {
    const resolve = () => new Promise<never>(() => undefined);
    const answer = await fetchJson('https://idp.example.com/keys', { resolve });
    expect(answer).toEqual(failed('no answer in time'));
  });

  it('that is down is no answer', async () => {
    await provider.stop();
    await expect(fetchJson(provider.jwksUri)).resolves.toEqual(failed('no usable answer'));
  });
});

describe('TLS', () => {
  const { key, cert } = selfSignedCertificate('idp.test');
  let tlsProvider: HostileProvider;
  beforeEach(async () => {
    tlsProvider = await startHostileProvider({ tls: { key, cert } });
  });
  afterEach(() => tlsProvider.close());

  const fetchAs = (hostname: string, certificateAuthorities: string | undefined) =>
    fetchJson(`https://${hostname}:${tlsProvider.port}/keys`, {
      allowedHosts: [`${hostname}:${tlsProvider.port}`],
      certificateAuthorities,
    });

  it('works with a trusted certificate', async () => {
    expect((await fetchAs('idp.test', cert)).kind).toBe('json');
  });
  it('fails with an untrusted one, even for a listed host', async () => {
    await expect(fetchAs('idp.test', undefined)).resolves.toEqual(failed('no usable answer'));
    expect(tlsProvider.requests).toEqual([]);
  });
  it('fails with one for another name', async () => {
    await expect(fetchAs('other.test', cert)).resolves.toEqual(failed('no usable answer'));
    expect(tlsProvider.requests).toEqual([]);
  });
});
