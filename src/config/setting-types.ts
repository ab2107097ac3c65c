import { isIP } from 'node:net';
import { parseNetwork } from '../domain/networks.ts';
import { Secret } from './secret.ts';
import type { Setting } from './setting.ts';

/** The kinds of values that settings take. Each describes in words what it expects and parses exactly that. */
type Kind<Value> = Pick<Setting<Value>, 'expected' | 'parse'>;

export function wholeNumber(minimum: number, maximum: number): Kind<number> {
  return {
    expected: `a whole number from ${minimum} to ${maximum}`,
    parse: (text) => {
      if (!/^(?:0|[1-9]\d{0,9})$/.test(text)) return undefined;
      const value = Number(text);
      return value >= minimum && value <= maximum ? value : undefined;
    },
  };
}

export function oneOf<const Word extends string>(words: readonly Word[]): Kind<Word> {
  return {
    expected: `one of ${words.join(', ')}`,
    parse: (text) => words.find((word) => word === text),
  };
}

export const flag: Kind<boolean> = {
  expected: 'true or false',
  parse: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
};

/** Printable ASCII without spaces. This also refuses a secret with a trailing newline, which files often have. */
export const secret: Kind<Secret> = {
  expected: 'printable ASCII without spaces or line ends',
  parse: (text) => (/^[\x21-\x7e]{1,4096}$/.test(text) ? new Secret(text) : undefined),
};

export function matching(pattern: RegExp, expected: string): Kind<string> {
  return { expected, parse: (text) => (pattern.test(text) ? text : undefined) };
}

export const listenAddress: Kind<string> = {
  expected: 'an IP address or a host name',
  parse: (text) => (isIP(text) !== 0 || HOST_NAME.test(text) ? text : undefined),
};

/** The base of a URL: scheme, host, port and path in canonical spelling, nothing after it. */
export const baseUrl: Kind<string> = {
  expected:
    'an http or https URL in canonical spelling (lower-case host, no default port) without credentials, query, fragment or trailing slash',
  parse: (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !['http:', 'https:'].includes(url.protocol)) return undefined;
    if (url.username !== '' || url.password !== '' || text.endsWith('/') || /[?#]/.test(text)) return undefined;
    return url.href === text || url.href === `${text}/` ? text : undefined;
  },
};

export const networks: Kind<readonly string[]> = {
  expected: 'a comma-separated list of IP addresses or CIDR blocks, without bits after the prefix and not /0',
  parse: (text) => {
    const parts = commaSeparated(text);
    // A /0 block would trust every address, which is never what this setting is for.
    return parts.every((part) => (parseNetwork(part)?.prefix ?? 0) > 0) ? parts : undefined;
  },
};

export const hostPorts: Kind<readonly string[]> = {
  expected: 'a comma-separated list of exact host:port pairs',
  parse: (text) => {
    const parts = commaSeparated(text);
    return parts.every(isHostPort) ? parts : undefined;
  },
};

/**
 * Names of hosts as URLs have them. None is an address, this machine or a cloud's metadata service: no identity provider is there, and what answers
 * there speaks for the machine.
 */
export const hostNames: Kind<readonly string[]> = {
  expected:
    'a comma-separated list of exact host names in lower case: no port, no path, no "*", no address, and neither localhost nor a metadata service',
  parse: (text) => {
    const parts = commaSeparated(text);
    return parts.every(isNameOfOtherHost) ? parts : undefined;
  },
};

export interface ProxyAddress {
  /** Scheme, host and port. */
  readonly origin: string;
  /** The header `Proxy-Authorization`. */
  readonly authorization: Secret | undefined;
}

/** Empty means none, as for other programs. */
export const proxyUrl: Kind<ProxyAddress | 'none'> = {
  expected: 'http://[user:password@]host[:port] or the same with https://, with nothing after it',
  parse: (text) => {
    if (text === '') return 'none';
    // Other programs take an address without its scheme.
    const full = text.includes('://') ? text : `http://${text}`;
    const url = /^[\x21-\x7e]+$/.test(full) && URL.canParse(full) ? new URL(full) : undefined;
    if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') return undefined;
    if (url.pathname !== '/' || /[?#]/.test(full)) return undefined;
    const username = percentDecoded(url.username);
    const password = percentDecoded(url.password);
    if (username === undefined || password === undefined) return undefined;
    // RFC 7617, section 2.
    const credentials = Buffer.from(`${username}:${password}`).toString('base64');
    return { origin: url.origin, authorization: username === '' ? undefined : new Secret(`Basic ${credentials}`) };
  },
};

/** Other programs read this variable too, and each has forms of its own. An unknown form matches no host. */
export const proxyExceptions: Kind<readonly string[]> = {
  expected: 'a list of hosts in printable ASCII, separated by commas or spaces',
  parse: (text) =>
    /^[\x20-\x7e]*$/.test(text) ? Object.freeze(text.split(/[, ]+/).filter((part) => part !== '')) : undefined,
};

export const redisUrl: Kind<Secret> = {
  expected: 'redis://[user:password@]host[:port][/database] or the same with rediss://',
  parse: (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '') return undefined;
    if (!/^(?:\/\d{0,3})?$/.test(url.pathname) || /[?#]/.test(text)) return undefined;
    return new Secret(text);
  },
};

export interface MysqlAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: Secret;
  readonly database: string;
}

export const mysqlUrl: Kind<MysqlAddress> = {
  expected: 'mysql://user:password@host:port/name, with reserved characters of user and password percent-encoded',
  parse: (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.protocol !== 'mysql:' || url.hostname === '' || url.username === '' || /[?#]/.test(text)) return undefined;
    const username = percentDecoded(url.username);
    const password = percentDecoded(url.password);
    const database = /^\/([A-Za-z0-9_$-]{1,64})$/.exec(url.pathname)?.[1];
    if (username === undefined || password === undefined || database === undefined) return undefined;
    return {
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? 3306 : Number(url.port),
      username,
      password: new Secret(password),
      database,
    };
  },
};

const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;

function commaSeparated(text: string): readonly string[] {
  const trimmed = text.trim();
  return Object.freeze(trimmed === '' ? [] : trimmed.split(',').map((part) => part.trim()));
}

function isHostPort(text: string): boolean {
  const parts = /^(\[[0-9a-f:.]+\]|[^:[\]]+):([1-9]\d{0,4})$/.exec(text);
  if (parts?.[1] === undefined || Number(parts[2]) > 65_535) return false;
  const host = parts[1];
  return host.startsWith('[') ? isIP(host.slice(1, -1)) === 6 : HOST_NAME.test(host);
}

/** Names of this machine, and those under which clouds serve the credentials of a machine. */
const NOT_ANOTHER_HOST: ReadonlySet<string> = new Set([
  'localhost',
  'localhost.localdomain',
  'localhost4',
  'localhost6',
  'loopback',
  'ip6-localhost',
  'ip6-loopback',
  'instance-data',
  'instance-data.ec2.internal',
  'metadata',
  'metadata.azure.internal',
  'metadata.goog',
  'metadata.google.internal',
]);
const URL_HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

function isNameOfOtherHost(text: string): boolean {
  if (!URL_HOST_NAME.test(text) || NOT_ANOTHER_HOST.has(text) || text.endsWith('.localhost')) return false;
  // URLs take numbers for addresses (`2130706433`, `0x7f.1`).
  const url = `https://${text}/`;
  return URL.canParse(url) && new URL(url).hostname === text && isIP(text) === 0;
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
