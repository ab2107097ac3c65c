/**
 * The part of Tessera that runs in the browser: a plugin for Swagger UI. @nestjs/swagger writes the text of the exported functions into
 * swagger-ui-init.js, so they use nothing of this module but types. The types below are the parts of Swagger UI 5 and of the browser that it uses.
 */

interface ImmutableMap {
  readonly getIn: (path: readonly string[]) => ImmutableMap | undefined;
  readonly toJS: () => unknown;
}

interface System {
  readonly React: { readonly createElement: (type: unknown, props: object | null, ...children: unknown[]) => unknown };
  readonly fn: { getSampleSchema: (schema: unknown, ...more: unknown[]) => unknown };
  readonly authActions: { restoreAuthorization(payload: { authorized: object }): void };
  readonly authSelectors: { authorized(): ImmutableMap | undefined };
}

interface ResponseProps {
  readonly code: string;
  readonly className?: string;
  readonly response: ImmutableMap & { get(member: 'description'): string };
}

/** A request that is ready to be sent. */
interface BrowserRequest {
  readonly headers: Readonly<Record<string, string>>;
  credentials?: string;
  body?: unknown;
}

interface ApiDocument {
  readonly servers?: readonly { readonly url: string; readonly description?: string }[];
}

/** As problem details (RFC 9457), or as an error of OAuth (RFC 6749, section 5.2). */
interface ErrorExample {
  readonly title?: string;
  readonly detail?: string;
  readonly error_description?: string;
}

type Authorized = Readonly<
  Record<string, { readonly schema?: { readonly scheme?: string }; readonly value?: unknown }>
>;

declare const window: {
  readonly location: { readonly origin: string; readonly pathname: string };
  readonly sessionStorage: {
    getItem(key: string): string | null;
    setItem(key: string, value: string): void;
    removeItem(key: string): void;
  };
};

export function tesseraPlugin(): object {
  // Of this installation: another one may be below another prefix of the same host.
  const STORAGE_KEY = `tessera-docs-bearer ${window.location.pathname.replace(/\/docs\/?$/, '')}`;

  /** A page behind another address than PUBLIC_URL, such as a port-forward, may only call its own (Content-Security-Policy, no CORS). */
  function withOwnServer(document: ApiDocument): ApiDocument {
    const { origin, pathname } = window.location;
    const own = origin + pathname.replace(/\/docs\/?$/, '');
    const configured = document.servers?.[0]?.url;
    if (configured === undefined || configured === own) return document;
    return {
      ...document,
      servers: [{ url: own, description: `the address of this page; PUBLIC_URL is ${configured}` }],
    };
  }

  /** The expiry of a JWT, epoch milliseconds; 0 for anything else. */
  function expiryOf(token: string): number {
    try {
      const payload = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
      const { exp } = JSON.parse(atob(payload)) as { exp?: unknown };
      return typeof exp === 'number' ? exp * 1000 : 0;
    } catch {
      return 0;
    }
  }

  /**
   * Swagger UI's own `persistAuthorization` writes everything to localStorage, where it stays when the browser is closed, and with it the secret of
   * a client, which lives for months. Here only a bearer is kept, in sessionStorage, which ends with the tab.
   */
  function keepBearer(system: System): void {
    const authorized = (system.authSelectors.authorized()?.toJS() ?? {}) as Authorized;
    const bearer = Object.entries(authorized).find(([, { schema }]) => schema?.scheme === 'bearer');
    if (bearer === undefined) window.sessionStorage.removeItem(STORAGE_KEY);
    else window.sessionStorage.setItem(STORAGE_KEY, JSON.stringify({ name: bearer[0], value: bearer[1].value }));
  }

  function restoreBearer(system: System): void {
    const kept = window.sessionStorage.getItem(STORAGE_KEY);
    if (kept === null) return;
    const { name, value } = JSON.parse(kept) as { name: string; value: string };
    // An expired one would make the page show "Authorized" and every request fail.
    if (expiryOf(value) <= Date.now()) window.sessionStorage.removeItem(STORAGE_KEY);
    else
      system.authActions.restoreAuthorization({
        authorized: { [name]: { name, value, schema: { type: 'http', scheme: 'bearer' } } },
      });
  }

  /** An error response as one row: its status, and each code with its meaning. Examples of each would fill several screens. */
  function errorRow(system: System, { code, className, response }: ResponseProps): unknown {
    const h = system.React.createElement;
    const content = (response.getIn(['content'])?.toJS() ?? {}) as Record<
      string,
      { examples?: Record<string, { value: ErrorExample }> }
    >;
    const meanings = Object.values(content)
      .flatMap(({ examples = {} }) => Object.entries(examples))
      .map(([error, { value }]) =>
        h(
          'div',
          { key: error },
          value.title === undefined ? undefined : h('strong', null, `${value.title} `),
          h('code', null, error),
          ` ${value.detail ?? value.error_description ?? ''}`,
        ),
      );
    return h(
      'tr',
      { className: `response tessera-error ${className ?? ''}`, 'data-code': code },
      h('td', { className: 'response-col_status' }, code),
      h('td', { className: 'response-col_description' }, meanings.length > 0 ? meanings : response.get('description')),
    );
  }

  function plain(schema: unknown): Readonly<Record<string, unknown>> {
    const immutable = schema as Partial<ImmutableMap> | undefined;
    return (immutable?.toJS === undefined ? (schema ?? {}) : immutable.toJS()) as Readonly<Record<string, unknown>>;
  }

  return {
    statePlugins: {
      spec: {
        wrapActions: {
          updateJsonSpec: (update: (document: ApiDocument) => unknown) => (document: ApiDocument) =>
            update(withOwnServer(document)),
        },
      },
      auth: {
        wrapActions: {
          persistAuthorizationIfNeeded: (_: unknown, system: System) => () => {
            keepBearer(system);
          },
        },
      },
      configs: {
        wrapActions: {
          loaded: (loaded: (payload: unknown) => unknown, system: System) => (payload: unknown) => {
            const action = loaded(payload);
            restoreBearer(system);
            return action;
          },
        },
      },
    },
    wrapComponents: {
      response: (Original: unknown, system: System) => (props: ResponseProps) =>
        props.code >= '400' ? errorRow(system, props) : system.React.createElement(Original, props),
    },
    /** A field of a form without an example stays empty. Swagger UI fills it with the word `string`, or chooses the first value of a list. */
    afterLoad(this: System) {
      const sample = this.fn.getSampleSchema;
      this.fn.getSampleSchema = (schema, ...more) => {
        const { type, example, default: fallback } = plain(schema);
        return type === 'string' && example === undefined && fallback === undefined ? '' : sample(schema, ...more);
      };
    },
  };
}

/**
 * Sends no cookies and none of the browser's own credentials. With them, a browser answers a 401 of `/introspect` with a login window of its own,
 * because of `WWW-Authenticate: Basic`.
 *
 * Fields of a form that are left empty are not sent: the token endpoint refuses a parameter without a value.
 */
export function prepareRequest(request: BrowserRequest): object {
  request.credentials = 'omit';
  if (typeof request.body === 'string' && request.headers['Content-Type'] === 'application/x-www-form-urlencoded')
    request.body = request.body
      .split('&')
      .filter((pair) => !pair.endsWith('='))
      .join('&');
  return request;
}
