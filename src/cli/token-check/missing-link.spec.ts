import { parseTrustId } from '../../domain/ids.ts';
import type { Trust } from '../../tenancy/tenant.ts';
import { missingLink } from './missing-link.ts';

const TRUST: Trust = {
  id: parseTrustId('corp')!,
  issuer: 'https://idp.example.com',
  jwksUri: undefined,
  audiences: ['tessera-acme'],
  audienceClaim: undefined,
  azp: undefined,
  algorithms: ['RS256'],
  keyUse: undefined,
  types: [],
  conditions: 'none',
  emailVerified: undefined,
  subject: { match: 'linked' },
  clients: [],
  surfaces: ['user', 'admin'],
  maxAgeSeconds: 600,
  maxLifetimeSeconds: 3_600,
};

// An external directory needs a database on a server; the rest is tested with the command.
describe('the missing link of an external directory', () => {
  const linesFor = (surface: 'user' | 'admin', sub: string) =>
    missingLink({ sub }, TRUST, { directory: 'external' }, surface, 0)?.lines;

  it('is a row of its view, whose issuer is the URL', () => {
    expect(linesFor('user', 'x-1\u202e')?.slice(1)).toEqual(['issuer: "https://idp.example.com"', 'sub: "x-1\\u202e"']);
    // No file is read, so nothing refuses it.
    expect(linesFor('user', 'a*')?.[2]).toBe('sub: "a*"');
  });

  it('is in the tenants file for administrators', () => {
    expect(linesFor('admin', 'x-1')?.[1]).toMatch(/^identities: .*issuer: corp, sub: x-1/);
    expect(linesFor('admin', 'a*')).toBeUndefined();
  });
});
