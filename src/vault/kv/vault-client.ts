import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type HashiVault from 'hashi-vault-js';
import type { VaultConfig } from '../../config/config.ts';
import { withSignal } from '../../runtime/deadline.ts';

/** Vault's answer with any status, not yet validated. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** RFC 9110, section 6.6.1: the time at the server. Undefined without a date that can be read. */
  readonly dateMs?: number | undefined;
}

/**
 * Why there is no answer.
 *
 * - `not reached`: nothing was sent, so nothing was done
 * - `broken`, `late`: the request may have been executed
 */
export type NoAnswer =
  | { readonly fault: 'not reached'; readonly because: NotReached }
  | { readonly fault: 'broken' }
  | { readonly fault: 'late' };

export type NotReached = 'refused' | 'unknown host' | 'certificate' | 'tls';

export type Library = Pick<
  HashiVault,
  | 'readKVSecret'
  | 'updateKVSecret'
  | 'eliminateKVSecret'
  | 'listKVSecrets'
  | 'lookupSelfToken'
  | 'renewSelfToken'
  | 'revokeSelfToken'
  | 'loginWithAppRole'
> & {
  /** For requests that the library has no method for. */
  request(options: { url: string; method: 'get'; headers: Readonly<Record<string, string>> }): Promise<unknown>;
};

/** The part of axios that is used here. The library declares its instance as Object. */
interface Axios {
  readonly defaults: Record<string, unknown>;
  readonly interceptors: {
    readonly response: {
      use(answered: (response: AxiosResponse) => unknown, failed: (error: unknown) => unknown): void;
    };
  };
  request: Library['request'];
}

interface AxiosResponse {
  readonly status: number;
  readonly data: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
}

// Vault's default limit of a KV entry is 1 MiB; a larger answer is not from Vault.
const MAX_ANSWER_BYTES = 2 * 1024 * 1024;
// Below the usual idle timeouts of proxies, so that a silently dropped connection is rarely reused.
const IDLE_SOCKET_MS = 30_000;

/** Errors before anything was sent. An untrusted certificate counts: the TLS handshake fails before the request. */
const NOT_REACHED =
  /^(?:ECONNREFUSED|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|ENOTFOUND|EAI_.*|EPROTO|ERR_TLS_.*|ERR_SSL_.*|CERT_.*|UNABLE_TO_.*|.*SELF_SIGNED_CERT.*)$/;
const LATE = /^(?:ERR_CANCELED|ECONNABORTED|ETIMEDOUT)$/;

/**
 * The only user of hashi-vault-js. The library's errors contain the token and the body, and some of its methods print them. So the library never sees
 * an error: every outcome leaves axios as a success that holds an `Answer` or a `NoAnswer`.
 */
export class VaultClient {
  readonly #config: Extract<VaultConfig, { kind: 'vault' }>;
  readonly #agents: { readonly http: HttpAgent; readonly https: HttpsAgent };

  constructor(config: Extract<VaultConfig, { kind: 'vault' }>) {
    this.#config = config;
    const options = { keepAlive: true, maxSockets: config.maxConcurrency + 1, timeout: IDLE_SOCKET_MS };
    this.#agents = { http: new HttpAgent(options), https: new HttpsAgent(options) };
  }

  /** Sends one request. Always resolves, within the time limit. */
  async call(use: (library: Library) => PromiseLike<unknown>, timeoutMs: number): Promise<Answer | NoAnswer> {
    // A timer of our own: the library's timeout counts silence, and a server that sends a byte now and then is never silent.
    try {
      return await withSignal(timeoutMs, async (signal) => {
        // The response interceptor decides the type of everything that comes out.
        return (await use(await this.#library(timeoutMs, signal))) as Answer | NoAnswer;
      });
    } catch (error) {
      return toNoAnswer(error);
    }
  }

  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  /** Makes one instance per call, because the library takes its timeout only in the constructor. An instance is only a few object literals. */
  async #library(timeoutMs: number, signal: AbortSignal): Promise<Library> {
    // Loaded lazily because it uses 25 MB of memory, which a service on the embedded store does not need.
    const { default: Vault } = await import('hashi-vault-js');
    const { address, namespace } = this.#config;
    const vault = new Vault({
      baseUrl: `${address.replace(/\/+$/, '')}/v1`,
      namespace: namespace ?? '',
      timeout: timeoutMs,
      proxy: false,
    });
    const axios = vault.instance as Axios;
    Object.assign(axios.defaults, {
      httpAgent: this.#agents.http,
      httpsAgent: this.#agents.https,
      // A redirect would send the token to another server.
      maxRedirects: 0,
      maxContentLength: MAX_ANSWER_BYTES,
      validateStatus: () => true,
      signal,
    });
    // The library returns `response.data.data`.
    axios.interceptors.response.use(
      ({ status, data, headers }) => ({
        data: { data: { status, body: data, dateMs: dateOf(headers['date']) } satisfies Answer },
      }),
      (error) => ({ data: { data: toNoAnswer(error) } }),
    );
    return Object.assign(vault, {
      request: async (options: Parameters<Library['request']>[0]) =>
        ((await axios.request(options)) as { data: { data: unknown } }).data.data,
    });
  }
}

function dateOf(header: unknown): number | undefined {
  const ms = typeof header === 'string' ? Date.parse(header) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

function toNoAnswer(error: unknown): NoAnswer {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (NOT_REACHED.test(code)) return { fault: 'not reached', because: becauseOf(code) };
  return { fault: LATE.test(code) ? 'late' : 'broken' };
}

function becauseOf(code: string): NotReached {
  if (/^(?:ENOTFOUND|EAI_.*)$/.test(code)) return 'unknown host';
  if (/^(?:CERT_.*|UNABLE_TO_.*|.*SELF_SIGNED_CERT.*|ERR_TLS_CERT.*)$/.test(code)) return 'certificate';
  return /^(?:EPROTO|ERR_TLS_.*|ERR_SSL_.*)$/.test(code) ? 'tls' : 'refused';
}
