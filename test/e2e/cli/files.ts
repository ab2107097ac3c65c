/** A tenants file with one tenant that uses every kind of object. Parts can be replaced. */
export function tenantsFile(...tenants: readonly string[]): string {
  return `apiVersion: tessera/v1\ntenants:\n${tenants.join('')}`;
}

export const ACME = `  - id: acme
    name: Acme Ltd
    database: { driver: sqlite }
    issuers:
      - id: corp
        issuer: https://idp.example.com
        audiences: [tessera-acme]
        conditions: none
        subject: { match: linked }
        clients: [web]
        surfaces: [user]
    projects:
      - id: shop
        clients:
          - { id: web, surfaces: [admin, user], scopes: ["orders:read"], subjects: any }
          - { id: kiosk, policy: { secretless: { networks: [10.0.0.0/8] } }, surfaces: [user], scopes: unbounded, subjects: any }
    scopes:
      - { name: "orders:read", resource: orders }
    roles:
      - { name: reader, scopes: ["orders:read"] }
    groups:
      - { name: staff, roles: [reader] }
    users:
      - { id: u-ada, email: ada@acme.example, groups: [staff], identities: [{ issuer: corp, sub: "248289761001" }] }
      - { id: u-bob, email: bob@acme.example, roles: [reader] }
    admins:
      - { id: a-root, email: root@acme.example, scopes: ["tenant:manage"] }
`;

export const GLOBEX = `  - id: globex
    database: { driver: sqlite }
    projects:
      - { id: app, clients: [{ id: api, surfaces: [user], scopes: unbounded, subjects: any }] }
    users:
      - { id: u-hank, email: hank@globex.example }
`;
