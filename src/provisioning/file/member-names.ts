/** Members that the file spells differently from the code. */
const SPELLED: ReadonlyMap<string, string> = new Map([
  ['algorithm', 'alg'],
  ['ttlSeconds', 'ttl'],
  ['jwksUri', 'jwks_uri'],
  ['audienceClaim', 'audience_claim'],
  ['keyUse', 'key_use'],
  ['types', 'typ'],
  ['emailVerified', 'email_verified'],
  ['maxAgeSeconds', 'max_age'],
  ['maxLifetimeSeconds', 'max_lifetime'],
]);

/** The name of a member in the tenants file. */
export function memberName(key: string): string {
  return SPELLED.get(key) ?? key;
}
