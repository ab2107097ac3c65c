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

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
