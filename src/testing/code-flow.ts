import { hash, randomBytes } from 'node:crypto';

export interface CodeFlow {
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUri: string;
  readonly scope: string;
  /** The form input, by field name. */
  readonly credentials: Readonly<Record<string, string>>;
}

export interface IssuedTokens {
  readonly idToken: string;
  readonly accessToken: string;
}

// Login, consent and the redirects between them; more is a loop.
const MAX_STEPS = 20;

/**
 * Runs the authorization code flow (OpenID Connect Core, section 3.1) with PKCE as a browser would: follows redirects, keeps cookies, fills in forms,
 * and redeems the code. The resulting tokens are real.
 */
export async function logInByCode(flow: CodeFlow): Promise<IssuedTokens> {
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');
  const start = new URL(flow.authorizationEndpoint);
  start.search = new URLSearchParams({
    response_type: 'code',
    client_id: flow.clientId,
    redirect_uri: flow.redirectUri,
    scope: flow.scope,
    state,
    code_challenge: hash('sha256', verifier, 'base64url'),
    code_challenge_method: 'S256',
  }).toString();
  const answer = await walk(start, flow);
  const code = answer.searchParams.get('code');
  if (answer.searchParams.get('state') !== state || code === null)
    throw new Error(`the login ended without a code: ${answer.searchParams.get('error_description') ?? 'no reason'}`);
  return redeem(flow, code, verifier);
}

/** @returns the URL of the final redirect to the client */
async function walk(start: URL, { redirectUri, credentials }: CodeFlow): Promise<URL> {
  const cookies = new Map<string, string>();
  let url = start;
  let form: URLSearchParams | undefined;
  for (let step = 0; step < MAX_STEPS; step++) {
    if (url.href.startsWith(redirectUri)) return url;
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form === undefined ? {} : { method: 'POST', body: form }),
    });
    keepCookies(cookies, response.headers.getSetCookie());
    const page = await response.text();
    const location = response.headers.get('location');
    if (location !== null) {
      url = new URL(location, url);
      form = undefined;
      continue;
    }
    const action = /<form[^>]*\saction="([^"]+)"/.exec(page)?.[1];
    if (action === undefined) throw new Error(`status ${response.status} and no form at ${url.pathname}:\n${page}`);
    url = new URL(action.replaceAll('&amp;', '&'), url);
    form = new URLSearchParams({ ...hiddenFields(page), ...credentials });
  }
  throw new Error('the login does not come to an end');
}

function keepCookies(cookies: Map<string, string>, lines: readonly string[]): void {
  for (const line of lines) {
    const [, name, value] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    if (value === '' || /;\s*(?:max-age=0|expires=thu, 01.jan.1970)/i.test(line)) cookies.delete(name);
    else cookies.set(name, value);
  }
}

function hiddenFields(page: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [input] of page.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
    const name = /\sname="([^"]*)"/.exec(input)?.[1];
    if (name !== undefined) fields[name] = /\svalue="([^"]*)"/.exec(input)?.[1] ?? '';
  }
  return fields;
}

async function redeem(flow: CodeFlow, code: string, verifier: string): Promise<IssuedTokens> {
  const response = await fetch(flow.tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: flow.redirectUri,
      client_id: flow.clientId,
      client_secret: flow.clientSecret,
    }),
  });
  const tokens = (await response.json()) as Record<string, unknown>;
  const { id_token: idToken, access_token: accessToken } = tokens;
  if (typeof idToken !== 'string' || typeof accessToken !== 'string')
    throw new Error(`no tokens, but status ${response.status}: ${JSON.stringify(tokens)}`);
  return { idToken, accessToken };
}
