/** The one request that every contender answers, and the content of its token. */
export const SAMPLE = {
  tenant: 'acme',
  project: 'shop',
  client: 'web',
  audience: 'shop-api',
  ttlSeconds: 600,
  userId: 'u-ada',
  email: 'ada@acme.example',
  roles: ['manager'],
  groups: ['sales'],
  scopes: ['orders:read', 'orders:write'],
  resources: ['orders'],
} as const;

/** The body of `POST /auth/user/generateToken`. */
export function sampleBody(secret: string): string {
  return JSON.stringify({
    client_id: SAMPLE.client,
    email_id: SAMPLE.email,
    project_id: SAMPLE.project,
    tenant_id: SAMPLE.tenant,
    secret_id: secret,
  });
}

/** A secret as long as Tessera's; the baselines accept any. */
export const BASELINE_SECRET = `tsk_${'x'.repeat(43)}`;
