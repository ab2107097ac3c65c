/** Three tenants with one of everything that a rule distinguishes. The tests name what they use. */
export const TENANTS_FILE = `
apiVersion: tessera/v1
tenants:
  - id: acme
    name: Acme Ltd
    status: active
    database: { driver: sqlite }
    tokens: { alg: ES256, ttl: 15m }
    projects:
      - id: shop
        name: Shop
        clients:
          - id: web
            policy: confidential
            surfaces: [admin, user]
            audience: shop-api
            scopes: ["orders:read", "orders:write", "tenant:manage"]
            subjects: { domains: [acme.example] }
            ttl: 10m
          - id: reader
            surfaces: [user]
            scopes: ["orders:read"]
            subjects: any
          - id: anything
            surfaces: [admin, user]
            scopes: unbounded
            subjects: any
          - id: kiosk
            policy: { secretless: { networks: [127.0.0.0/8] } }
            surfaces: [user]
            scopes: ["orders:read"]
            subjects: { domains: [acme.example] }
          - id: kiosk-elsewhere
            policy: { secretless: { networks: [10.0.0.0/8] } }
            surfaces: [user]
            scopes: ["orders:read"]
            subjects: { domains: [acme.example] }
          - id: gone
            status: disabled
            surfaces: [admin, user]
            scopes: unbounded
            subjects: any
      - id: closed
        name: Closed
        status: disabled
        clients:
          - id: late
            surfaces: [user]
            scopes: unbounded
            subjects: any
    scopes:
      - { name: "orders:read", resource: orders }
      - { name: "orders:write", resource: orders }
      - { name: "stock:read", resource: stock }
    roles:
      - { name: manager, scopes: ["orders:read", "orders:write"] }
      - { name: keeper, scopes: ["stock:read"] }
    groups:
      - { name: sales, roles: [manager] }
    users:
      - { id: u-ada, email: Ada@acme.example, roles: [keeper], groups: [sales], status: active }
      - { id: u-bob, email: bob@acme.example, roles: [manager], groups: [], status: disabled }
      - { id: u-carol, email: carol@acme.example, roles: [], groups: [], status: active }
      - { id: u-eve, email: eve@elsewhere.example, roles: [manager], groups: [], status: active }
    admins:
      - { id: a-root, email: root@acme.example, roles: [tenant-admin], scopes: ["tenant:manage"] }
      - { id: a-gone, email: gone@acme.example, roles: [tenant-admin], scopes: ["tenant:manage"], status: disabled }
  - id: globex
    name: Globex
    status: active
    database: { driver: sqlite }
    tokens: { alg: EdDSA, ttl: 5m }
    projects:
      - id: shop
        name: Shop
        clients:
          - id: web
            surfaces: [admin, user]
            scopes: unbounded
            subjects: any
          - id: other
            surfaces: [user]
            scopes: unbounded
            subjects: any
    scopes:
      - { name: "parts:read", resource: parts }
    roles:
      - { name: engineer, scopes: ["parts:read"] }
    groups: []
    users:
      - { id: g-gus, email: gus@globex.example, roles: [engineer], groups: [], status: active }
    admins:
      - { id: g-ada, email: ada@acme.example, roles: [auditor], scopes: ["audit:read"] }
  - id: initech
    name: Initech
    status: suspended
    database: { driver: sqlite }
    tokens: { alg: RS256, ttl: 15m }
    projects:
      - id: shop
        name: Shop
        clients:
          - id: web
            surfaces: [admin, user]
            scopes: unbounded
            subjects: any
    scopes: []
    roles: []
    groups: []
    users:
      - { id: i-ina, email: ina@initech.example, roles: [], groups: [], status: active }
    admins: []
`;
