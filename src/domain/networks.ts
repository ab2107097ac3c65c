import { BlockList, isIP } from 'node:net';

const IPV4_MAPPED = '::ffff:';
/** The same addresses come again and again, and a BlockList lookup costs more than the rest of a check. */
const REMEMBERED_VERDICTS = 10_000;

export interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/**
 * Parses an address or a CIDR block (RFC 4632, RFC 4291). Use this function everywhere.
 *
 * @returns undefined for anything else, including a block with bits set after its prefix: it is probably a typing error
 */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/');
  const address = slash === -1 ? text : text.slice(0, slash);
  const version = isIP(address);
  // A zone (`%eth0`) names an interface of this machine, not a network.
  if (version === 0 || address.includes('%')) return undefined;
  const bits = version === 4 ? 32 : 128;
  const prefixText = slash === -1 ? String(bits) : text.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefixText)) return undefined;
  const prefix = Number(prefixText);
  if (prefix > bits) return undefined;
  const value = addressBits(address, version);
  const hostBits = BigInt(bits - prefix);
  if ((value >> hostBits) << hostBits !== value) return undefined;
  return { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
}

/** A set of networks. Empty means none. */
export class NetworkSet {
  readonly #blocks = new BlockList();
  readonly #verdicts = new Map<string, boolean>();
  readonly isEmpty: boolean;

  /** @param networks each accepted by `parseNetwork`; throws for anything else */
  constructor(networks: readonly string[]) {
    this.isEmpty = networks.length === 0;
    for (const text of networks) {
      const network = parseNetwork(text);
      if (network === undefined) throw new Error('not an address or CIDR block: check it with parseNetwork first');
      this.#blocks.addSubnet(network.address, network.prefix, network.family);
    }
  }

  /** @param address as in `socket.remoteAddress`; an IPv4-mapped IPv6 address counts as IPv4; text that is not an address belongs to no network */
  contains(address: string): boolean {
    if (this.isEmpty) return false;
    const known = this.#verdicts.get(address);
    if (known !== undefined) return known;
    const version = isIP(address);
    const verdict = version !== 0 && this.#blocks.check(address, version === 4 ? 'ipv4' : 'ipv6');
    if (this.#verdicts.size >= REMEMBERED_VERDICTS) this.#verdicts.clear();
    this.#verdicts.set(address, verdict);
    return verdict;
  }
}

const LOOPBACK = new NetworkSet(['127.0.0.0/8', '::1']);

/** @param hostname a name or an address, IPv6 with or without brackets; `localhost` and names under it are this machine (RFC 6761, section 6.3) */
export function isLoopbackHost(hostname: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(host) === 0 ? host === 'localhost' || host.endsWith('.localhost') : LOOPBACK.contains(host);
}

/** Turns an IPv4-mapped IPv6 address, as an IPv6 socket reports an IPv4 peer, into plain IPv4. */
export function plainAddress(address: string): string {
  if (!address.startsWith(IPV4_MAPPED)) return address;
  const inner = address.slice(IPV4_MAPPED.length);
  return isIP(inner) === 4 ? inner : address;
}

/** The 32 or 128 bits of a valid address. */
export function addressBits(address: string, version: number): bigint {
  if (version === 4) return address.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
  // An IPv4 suffix (`::ffff:10.0.0.1`) stands for two groups.
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  let text = address;
  if (tail?.[1] !== undefined && tail[2] !== undefined) {
    const low = addressBits(tail[2], 4);
    text = `${tail[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`;
  }
  const [head = '', rest] = text.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = rest === undefined || rest === '' ? [] : rest.split(':');
  const zeros = rest === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right];
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}
