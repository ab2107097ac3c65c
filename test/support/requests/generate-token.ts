/** Asks a server for a token of the user `ada@acme.example` for the client `acme/shop/web`, which most tenants files of tests have. */
export function askForToken(
  url: string,
  secret: string | undefined,
  { email = 'ada@acme.example', signal }: { readonly email?: string; readonly signal?: AbortSignal } = {},
): Promise<Response> {
  return fetch(`${url}/auth/user/generateToken`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      tenant_id: 'acme',
      project_id: 'shop',
      client_id: 'web',
      email_id: email,
      secret_id: secret,
    }),
    ...(signal !== undefined && { signal }),
  });
}
