/** An error that says what is wrong with an option and how to fix it. It omits the value, which may hold credentials. */
export function wrongOption(name: string, fault: string, fix: string): TypeError {
  return new TypeError(`Tessera: ${name} ${fault}: ${fix}`);
}

/**
 * Checks a URL that is compared byte for byte.
 *
 * @throws TypeError that ends with the fix
 */
export function namedUrl(name: string, value: unknown): string {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  if (typeof value !== 'string' || url === undefined || !['https:', 'http:'].includes(url.protocol))
    throw wrongOption(name, 'is not an http(s) URL', "pass it whole, e.g. 'https://tessera.example'");
  if (url.username !== '' || url.password !== '' || /[?#\s]/.test(value))
    throw wrongOption(name, 'holds credentials, a query, a fragment or white space', 'leave them out');
  if (value.endsWith('/')) throw wrongOption(name, 'ends with a slash', 'remove the slash');
  return value;
}

/** Loopback hosts as `URL` normalizes them. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Checks a URL that keys, revocations or tokens are fetched from. Over plain HTTP an attacker on the path could sign tokens or read secrets.
 *
 * @throws TypeError that ends with the fix
 */
export function fetchableUrl(name: string, value: unknown, isHttpAllowed: boolean): string {
  const text = namedUrl(name, value);
  const { protocol, hostname } = new URL(text);
  if (protocol === 'http:' && !isHttpAllowed && !LOOPBACK.test(hostname))
    throw wrongOption(
      name,
      'is plain http to another host',
      'use https (or, knowing it, dangerouslyAllowPlainHttp: true)',
    );
  return text;
}
