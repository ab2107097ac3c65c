import { isIP } from 'node:net';
import { NetworkSet } from '../../domain/networks.ts';

/**
 * Addresses that the public internet does not route (IANA special-purpose registries, RFC 6890). They reach the machine itself, its neighbors and the
 * cloud's metadata service. 168.63.129.16 looks public, but on an Azure machine it is the host.
 */
const NOT_PUBLIC = new NetworkSet([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]);
/** In IPv6 only global unicast is public, except its reserved ranges and those that embed an IPv4 address. */
const GLOBAL_UNICAST = new NetworkSet(['2000::/3']);
const NOT_PUBLIC_UNICAST = new NetworkSet(['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']);

/** Whether the address is public. False for text that is not an address. */
export function isPublicAddress(address: string): boolean {
  // A zone names an interface of this machine.
  const version = address.includes('%') ? 0 : isIP(address);
  if (version === 4) return !NOT_PUBLIC.contains(address);
  return version === 6 && GLOBAL_UNICAST.contains(address) && !NOT_PUBLIC_UNICAST.contains(address);
}

/** RFC 1918, and RFC 4193. Shared addresses (RFC 6598), link-local ones and everything else that is not public stay unreachable. */
const PRIVATE_IPV4 = new NetworkSet(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16']);
const PRIVATE_IPV6 = new NetworkSet(['fc00::/7']);
/** Clouds serve the credentials of a machine at unique local addresses, too: AWS, Scaleway, Google Cloud. */
const METADATA_IPV6 = new NetworkSet(['fd00:ec2::/32', 'fd00:42::/32', 'fd20:ce::/32']);

/** Whether the address is of an own network, as identity providers on premises have it. False for loopback, link-local and metadata addresses. */
export function isPrivateAddress(address: string): boolean {
  const version = address.includes('%') ? 0 : isIP(address);
  if (version === 4) return PRIVATE_IPV4.contains(address);
  return version === 6 && PRIVATE_IPV6.contains(address) && !METADATA_IPV6.contains(address);
}

const HTTPS_PORT = 443;
const FIRST_USER_PORT = 1_024;
/** Ports above 1023 that belong to other protocols (Fetch Standard, "port blocking"). */
const OTHER_PROTOCOLS: ReadonlySet<number> = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

/** Hosts that the settings allow in addition to public ones. */
export interface ListedHosts {
  /** Exact `host:port` pairs that are allowed although they are loopback, private or plain HTTP. Development and tests only. */
  readonly federationAllowedHosts: readonly string[];
  /** Exact names of hosts in the own network, for https only. They may lack a dot; their addresses are checked when connecting. */
  readonly federationPrivateHosts: readonly string[];
}

/** What may follow the path: nothing for an issuer (OpenID Connect Core, section 2), a query for a key set's URL. */
export interface ProviderUrlForm {
  readonly query: 'allowed' | 'refused';
}

/**
 * Why an issuer's URL is not allowed; undefined if it is. Names are not resolved here: their addresses are checked when connecting.
 *
 * @param listed the hosts that the settings name
 */
export function invalidProviderUrlReason(
  text: string,
  form: ProviderUrlForm,
  { federationAllowedHosts, federationPrivateHosts }: ListedHosts,
): string | undefined {
  if (!/^[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return 'must be an absolute https URL in printable ASCII';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must be an https URL';
  // Another spelling of the same URL would not equal the `iss` of its tokens.
  if (!text.startsWith(`${url.protocol}//${url.host}`))
    return 'must write scheme and host in lower case, without user and password, and addresses in their usual form';
  if (text.includes('#')) return 'must not have a fragment ("#")';
  if (form.query === 'refused' && text.includes('?')) return 'must not have a query ("?")';
  if (federationAllowedHosts.includes(hostAndPort(url))) return undefined;
  if (url.protocol === 'http:')
    return 'must be an https URL: plain http needs its host in TESSERA_FEDERATION_ALLOWED_HOSTS';
  if (!isWebPort(url))
    return 'must have port 443 or one from 1024 on that is not of another protocol: in development, list its host in TESSERA_FEDERATION_ALLOWED_HOSTS';
  if (isInternalHost(url.hostname) && !federationPrivateHosts.includes(url.hostname))
    return 'must not point to a loopback, private or reserved address: list the name of a provider in your own network in TESSERA_FEDERATION_PRIVATE_HOSTS; in development, list its host in TESSERA_FEDERATION_ALLOWED_HOSTS';
  return undefined;
}

/** `host:port` with an explicit port, as in `TESSERA_FEDERATION_ALLOWED_HOSTS`. */
export function hostAndPort(url: URL): string {
  return `${url.hostname}:${url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port}`;
}

/** No issuer is on port 22 or 25, and a request there may be a command to the service that listens. */
function isWebPort(url: URL): boolean {
  const port = url.port === '' ? HTTPS_PORT : Number(url.port);
  return port === HTTPS_PORT || (port >= FIRST_USER_PORT && !OTHER_PROTOCOLS.has(port));
}

/** URL has already converted every numeric form of an IPv4 address (`0x7f.1`, `2130706433`, `017700000001`) to dotted decimal. */
function isInternalHost(hostname: string): boolean {
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(address) !== 0) return !isPublicAddress(address);
  const name = hostname.replace(/\.$/, '');
  return name === 'localhost' || name.endsWith('.localhost') || !name.includes('.');
}
