import type { RouteRow } from './routes/route-table.ts';

type Headers = readonly (readonly [name: string, value: string])[];

// Swagger UI writes its styles into the page and shows images from data: URLs; its scripts are files of ours.
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
// Nothing else is ever rendered; if a browser is made to, it may load and run nothing.
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'";
const ONE_YEAR = 'max-age=31536000';

/** The headers that every answer of a row carries, made once. A handler may replace `cache-control`. */
export class ResponseHeaders {
  readonly #always: Headers;

  constructor(publicUrl: string) {
    this.#always = [
      ['x-content-type-options', 'nosniff'],
      // Only where the outside comes by TLS; a browser ignores it over plain HTTP anyway (RFC 6797, section 8.1).
      ...(publicUrl.startsWith('https:') ? ([['strict-transport-security', ONE_YEAR]] as const) : []),
    ];
  }

  forRow(row: RouteRow | undefined): Headers {
    const headers = [...this.#always, ['cache-control', 'no-store']] as const;
    // A token is never rendered, and most requests are for one: no header that means nothing there.
    if (row?.kind === 'token') return headers;
    const policy = row?.kind === 'page' ? PAGE_POLICY : DATA_POLICY;
    return [...headers, ['content-security-policy', policy], ['referrer-policy', 'no-referrer']];
  }
}
