import type { RouteRow } from './routes/route-table.ts';

type Headers = readonly (readonly [name: string, value: string])[];

// Swagger UI uses inline styles and images from data: URLs. Its scripts are files that this service serves.
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
// All other responses are data. If a browser renders one, it may load and run nothing.
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'";
const ONE_YEAR = 'max-age=31536000';

/** The headers of every response of a row, made once. A handler may replace `cache-control`. */
export class ResponseHeaders {
  readonly #always: Headers;

  constructor(publicUrl: string) {
    this.#always = [
      ['x-content-type-options', 'nosniff'],
      // Only when the public URL is https; browsers ignore it over plain HTTP (RFC 6797, section 8.1).
      ...(publicUrl.startsWith('https:') ? ([['strict-transport-security', ONE_YEAR]] as const) : []),
    ];
  }

  forRow(row: RouteRow | undefined): Headers {
    const headers = [...this.#always, ['cache-control', 'no-store']] as const;
    // A token response is never rendered and most requests are for one, so headers for browsers are left out.
    if (row?.kind === 'token') return headers;
    const policy = row?.kind === 'page' ? PAGE_POLICY : DATA_POLICY;
    return [...headers, ['content-security-policy', policy], ['referrer-policy', 'no-referrer']];
  }
}
